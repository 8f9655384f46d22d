"""Versions of the champion: git tags and files of DVC. The user's branch, index and files do not change."""

import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from facegender.errors import UserError
from tasks import registry
from tasks.checkout import Checkout
from tasks.git import run_git
from tasks.roll_back import find_previous, find_version

from .conftest import call

STAGES = """
stages:
  train:
    cmd: mkdir -p artifacts/model && cp weights.txt artifacts/model/model.keras
    deps: [weights.txt]
    outs: [artifacts/model]
  evaluate:
    cmd: mkdir -p artifacts/evaluation && cp metrics.json artifacts/evaluation/metrics.json
    deps: [metrics.json, artifacts/model]
    outs: [artifacts/evaluation]
"""


def train(root: Path, weights: str) -> None:
    """Make another model by `dvc repro`."""
    (root / "weights.txt").write_text(weights)
    accuracy = {"value": 0.9, "low": 0.8, "high": 0.95, "n": 100}
    (root / "metrics.json").write_text(json.dumps({"judged": "validation", "accuracy": accuracy, "of": weights}))
    call(root, sys.executable, "-m", "dvc", "repro", "-q")


@pytest.fixture
def checkout(tmp_path: Path) -> Checkout:
    """A repository with data, a pipeline and one model, in which git knows no user."""
    root = tmp_path / "co"
    (root / "data").mkdir(parents=True)
    (root / "data/train.csv").write_text("image,label\n")
    (root / "params.yaml").write_text("{}\n")
    (root / "artifacts").mkdir()
    (root / "artifacts/validation.json").write_text('{"demo": false}')
    (root / "dvc.yaml").write_text(STAGES)
    call(root, "git", "init", "-q")
    call(root, sys.executable, "-m", "dvc", "init", "-q")
    (root / ".gitignore").write_text("/data/\n/artifacts/\n")
    call(root, sys.executable, "-m", "dvc", "add", "-q", "data")
    call(root, "git", "add", "--all")
    call(root, "git", "-c", "user.name=A", "-c", "user.email=a@example.org", "commit", "-q", "-m", "First")
    train(root, "one")
    return Checkout(root)


def promote(checkout: Checkout) -> registry.Version:
    known = registry.list_versions(checkout)
    version = registry.register(checkout, known, registry.read_hashes(checkout.root), {"promote": True, "reasons": []})
    registry.serve(checkout, version)
    return version


def champion_says(checkout: Checkout) -> str:
    return (checkout.files.champion / "model/model.keras").read_text()


def test_a_version_knows_its_data_code_and_parameters_and_leaves_the_users_git_alone(checkout):
    (checkout.root / "params.yaml").write_text("train: {}\n")  # not committed
    before_it = [
        run_git(checkout.root, *words) for words in (("rev-parse", "HEAD"), ("status", "--porcelain"), ("diff",))
    ]
    version = promote(checkout)
    after_it = [
        run_git(checkout.root, *words) for words in (("rev-parse", "HEAD"), ("status", "--porcelain"), ("diff",))
    ]
    assert after_it == before_it
    assert (version.name, version.champion) == ("v1.0.0", False)
    assert run_git(checkout.root, "show", "model@v1.0.0:params.yaml") == "train: {}"
    for name in ("dvc.lock", "data.dvc"):
        assert run_git(checkout.root, "show", f"model@v1.0.0:{name}") == (checkout.root / name).read_text().strip()
    record = json.loads((checkout.files.champion / "champion.json").read_text())
    assert record["code"] == before_it[0]
    assert record["data"] in (checkout.root / "data.dvc").read_text()
    assert record["commit"] == run_git(checkout.root, "rev-parse", "model@v1.0.0^{commit}")
    assert run_git(checkout.root, "for-each-ref", "--format=%(objecttype)", "refs/tags") == "tag\ntag"  # annotated
    assert champion_says(checkout) == "one"
    status = subprocess.run([sys.executable, "-m", "dvc", "status", "--json"], cwd=checkout.root, capture_output=True)
    assert status.stdout.strip() == b"{}"


def test_versions_count_up_and_an_earlier_one_is_restored_from_dvcs_cache(checkout):
    assert registry.list_versions(checkout) == []
    promote(checkout)
    train(checkout.root, "two")
    promote(checkout)
    known = registry.list_versions(checkout)
    assert [(version.name, version.champion) for version in known] == [("v1.1.0", True), ("v1.0.0", False)]
    assert champion_says(checkout) == "two"

    registry.serve(checkout, find_previous(known, registry.find_champion(known)))
    known = registry.list_versions(checkout)
    assert [(version.name, version.champion, version.served) for version in known] == [
        ("v1.1.0", False, True),
        ("v1.0.0", True, True),
    ]
    assert champion_says(checkout) == "one"
    with pytest.raises(UserError, match=r"v1\.0\.0 is the first"):
        find_previous(known, registry.find_champion(known))
    assert find_version(known, "v1.1.0").champion is False
    with pytest.raises(UserError, match=r"must be a version: v1\.1\.0, v1\.0\.0"):
        find_version(known, "v7.0.0")


def test_the_next_run_completes_what_a_kill_interrupted(checkout):
    version = registry.register(checkout, [], registry.read_hashes(checkout.root), {})
    # killed before it became the champion: the same version is returned again
    known = registry.list_versions(checkout)
    assert (known[0].champion, known[0].served) == (False, False)
    assert registry.register(checkout, known, registry.read_hashes(checkout.root), {}).commit == version.commit
    registry.serve(checkout, known[0])
    # killed between tag and files, or in another clone
    shutil.rmtree(checkout.files.champion)
    registry.restore_champion(checkout, registry.find_champion(registry.list_versions(checkout)))
    assert champion_says(checkout) == "one"


def test_a_version_without_files_is_refused_and_the_champion_stays(checkout):
    promote(checkout)
    train(checkout.root, "two")
    promote(checkout)
    shutil.rmtree(checkout.root / ".dvc/cache")
    with pytest.raises(UserError, match=r"model v1\.0\.0: its files must be in DVC's cache or in a remote"):
        registry.fetch_files(checkout, find_version(registry.list_versions(checkout), "v1.0.0"))
    assert champion_says(checkout) == "two"


def test_a_version_is_fetched_from_a_remote_too(checkout, tmp_path):
    promote(checkout)
    for words in (["remote", "add", "-q", "-d", "storage", str(tmp_path / "remote")], ["push", "-q"]):
        call(checkout.root, sys.executable, "-m", "dvc", *words)
    shutil.rmtree(checkout.root / ".dvc/cache")
    shutil.rmtree(checkout.files.champion)
    registry.restore_champion(checkout, registry.find_champion(registry.list_versions(checkout)))
    assert champion_says(checkout) == "one"


def test_a_folder_without_git_is_refused_in_one_sentence(tmp_path):
    with pytest.raises(UserError, match="this must be a git repository") as caught:
        registry.list_versions(Checkout(tmp_path))
    assert "\n" not in str(caught.value)
    call(tmp_path, "git", "init", "-q")
    with pytest.raises(UserError, match="git repository"):  # a tag needs a commit
        registry.list_versions(Checkout(tmp_path))
