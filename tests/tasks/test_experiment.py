"""Changed parameters: wrong ones are refused before anything runs; others run apart from the checkout's files."""

import shutil
from pathlib import Path

import pytest

from facegender.errors import UserError
from facegender.params.writing import write_params
from tasks.checkout import Checkout
from tasks.experiment import check_changes, copy_uncommitted, make_workspace, slugify
from tasks.git import run_git

from .conftest import Pipeline, call

SOMEONE = ("-c", "user.name=Someone", "-c", "user.email=someone@example.org")


@pytest.fixture
def params(checkout: Path, tmp_path: Path) -> Path:
    shutil.copy(checkout / "params.yaml", tmp_path)
    return tmp_path / "params.yaml"


def commit(root: Path) -> None:
    call(root, "git", "add", "--all")
    call(root, "git", *SOMEONE, "commit", "-q", "-m", "All")


def test_values_become_what_params_yaml_would_hold(params):
    # the form in the UI may send a number as text; null is a valid value
    changes = {"train.epochs": "5", "data.image_column": None, "evaluate.two_way": [["age", "race"]]}
    assert check_changes(params.parent, changes) == {**changes, "train.epochs": 5}


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"train.epohcs": 5}, "changed parameters, train.epohcs: no such parameter. Check its spelling."),
        ({"training.epochs": 5}, "changed parameters, training: no such parameter. Check its spelling."),
        ({"train.epochs": "many"}, "Received: 'many'."),
        ({"split.validation": 1.5}, "Input should be less than 1."),
        ({"split.holdout": 0.9}, "their sum must be below 1."),
    ],
)
def test_what_does_not_exist_is_refused(params, changes, message):
    with pytest.raises(UserError) as caught:
        check_changes(params.parent, changes)
    assert message in str(caught.value)


def test_only_the_changed_line_of_params_yaml_changes(params):
    before = params.read_text(encoding="utf-8").splitlines()
    write_params(params, {"train.epochs": 5, "train.seed": 1})
    after = params.read_text(encoding="utf-8").splitlines()
    changed = [(old, new) for old, new in zip(before, after, strict=True) if old != new]
    assert [old.split()[0] for old, _ in changed] == ["epochs:", "seed:"]
    assert [new.partition("#")[0].strip() for _, new in changed] == ["epochs: 5", "seed: 1"]


def test_a_name_is_valid_for_git_and_for_a_folder():
    assert slugify({"train.epochs": 5, "features.views": 2}) == "train-epochs-5-features-views-2"
    assert slugify({"backbone.weights": "../../$(touch x); ~^:é.lock"}) == "backbone-weights-touch-x-lock"


def test_a_workspace_is_the_checkout_as_it_stands_with_changed_parameters(pipeline: Pipeline, checkout: Path):
    here: Checkout = pipeline(one="open('one.txt', 'w').write('made')")
    shutil.copy(checkout / "params.yaml", here.root)
    (here.root / "data.dvc").write_text("outs: []\n")
    (here.root / "gone.txt").write_text("committed")
    commit(here.root)
    (here.root / "gone.txt").unlink()
    (here.root / "input.txt").write_text("changed since")
    (here.root / "new.txt").write_text("not yet committed")
    before = (here.root / "params.yaml").read_bytes()
    apart = make_workspace(here, {"train.epochs": 5})
    assert apart.root.parent == here.root / ".dvc/tmp/experiments"
    assert (apart.root / "input.txt").read_text() == "changed since"
    assert (apart.root / "new.txt").read_text() == "not yet committed"
    assert not (apart.root / "gone.txt").exists()
    assert "  epochs: 5 " in (apart.root / "params.yaml").read_text(encoding="utf-8")
    assert (here.root / "params.yaml").read_bytes() == before
    assert run_git(apart.root, "rev-parse", "HEAD") == run_git(here.root, "rev-parse", "HEAD")
    # a killed experiment's work is resumed by the same parameters; the next experiment removes a workspace left behind
    (apart.files.resume / "train-1").mkdir(parents=True)
    assert (make_workspace(here, {"train.epochs": 5}).files.resume / "train-1").is_dir()
    assert not make_workspace(here, {"train.epochs": 6}).files.resume.exists()
    assert not apart.root.exists()


def test_an_experiment_needs_a_commit(pipeline: Pipeline):
    with pytest.raises(UserError, match="needs a git commit"):
        make_workspace(pipeline(), {"train.epochs": 5})


def test_names_with_blanks_are_copied(tmp_path):
    for name in ("one", "two"):
        (tmp_path / name).mkdir()
    call(tmp_path / "one", "git", "init", "-q")
    call(tmp_path / "one", "git", *SOMEONE, "commit", "-q", "--allow-empty", "-m", "Nothing")
    (tmp_path / "one" / "a new file.txt").write_text("x")
    copy_uncommitted(tmp_path / "one", tmp_path / "two")
    assert (tmp_path / "two" / "a new file.txt").read_text() == "x"
