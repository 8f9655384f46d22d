"""README is true: every command that it names runs, in its order, in a fresh checkout."""

import json
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from urllib.request import urlopen

import pandas as pd
import pytest
import yaml

from tests.docs.markdown import commands, spans, tables
from tests.docs.reader import Known, Reader

ROOT = Path(__file__).resolve().parents[2]
TINY = {
    "backbone": {"alpha": 0.35, "image_size": 64, "weights": "none"},
    "features": {"views": 1},
    "train": {"head_epochs": 1, "epochs": 1},
    "evaluate": {"bootstrap": 50},
}

NOT_RUN = {
    "make test": "it is what runs this test",
    '.venv/bin/python -m pip install -e ".[gpu]"': "installs gigabytes of CUDA, beside this very test",
}


def put_own_data(root: Path) -> None:
    """The reader's files, where the demo was: drawn as well, but with nothing that says so."""
    from facegender.demo import draw

    draw(root / "data", 60, seed=7)
    (root / "data" / "demo.json").unlink()


def lose_the_model(root: Path) -> None:
    """As in another clone: neither the model nor DVC's cache is there."""
    shutil.rmtree(root / "artifacts" / "model")
    shutil.rmtree(root / ".dvc" / "cache")


# keys of metrics.json that are there only where there are overrides, or a champion to compare with
AT_TIMES = {"overrides", "against_champion"}

RESULTS = ("artifacts/evaluation/report.html", "artifacts/model/model.keras", "artifacts/submission.csv")
KNOWN = {
    "make run": Known(says="validation accuracy", leaves=RESULTS),
    "rm -r data": Known(),
    "source .venv/bin/activate": Known(says="bin/prefect", then="command -v facegender dvc prefect"),
    "dvc add data": Known(leaves=("data.dvc",), before=put_own_data),
    "git add data.dvc dvc.lock params.yaml": Known(says="M  data.dvc", then="git status --short"),
    'git commit -m "Retrain on our faces"': Known(says="Retrain on our faces"),
    "facegender doctor": Known(says="TensorFlow"),
    "facegender predict artifacts/model data/images/00002.jpg": Known(says="Gender as annotators would perceive it"),
    "facegender export artifacts/model artifacts/exported": Known(
        says="calibrated", leaves=("artifacts/exported/model.keras",)
    ),
    "facegender review": Known(leaves=("artifacts/review.html",)),
    "facegender preset": Known(says="quick: features.views 1"),
    "facegender --help": Known(says="doctor"),
    "dvc repro": Known(says="up to date"),
    "dvc status": Known(says="up to date"),
    "dvc exp run --set-param train.learning_rate=0.0005": Known(says="0.0005", then="cat params.yaml"),
    "dvc metrics diff": Known(says="workspace"),
    "make ui": Known(serves="Check out the dashboard"),
    "dvc remote add --default storage /mnt/team/facegender": Known(says="storage", then="dvc remote list"),
    "dvc push": Known(says="pushed"),
    "dvc pull": Known(leaves=("artifacts/model/model.keras",), before=lose_the_model),
    "make deploy": Known(says="retrain/weekly"),
    "make worker": Known(serves="started!"),
    "export PREFECT_API_URL=http://127.0.0.1:4200/api DO_NOT_TRACK=1": Known(says="/api", then="echo $PREFECT_API_URL"),
    "prefect deployment run retrain/weekly --watch": Known(says="finished successfully"),
    "python -m flows.champion list": Known(says="v1.0.0"),
    "python -m flows.score": Known(says="pictures of data/test.csv", leaves=("artifacts/scores",)),
}

NAMED = commands(ROOT / "README.md")
RUN = [command for command in NAMED if command not in NOT_RUN]


def test_every_command_is_known():
    unknown = [command for command in NAMED if command not in KNOWN and command not in NOT_RUN]
    assert not unknown, "README names commands that nothing here runs: give each a line in KNOWN"
    assert set(KNOWN) | set(NOT_RUN) == set(NAMED), "KNOWN or NOT_RUN has commands that README no longer names"


@pytest.fixture(scope="module")
def reader(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Reader]:
    """Stands in a fresh checkout of what git tracks, or would, with its .venv made and tiny parameters."""
    if shutil.which("facegender", path=str(Path(sys.executable).parent)) is None:
        pytest.fail("The project must be installed beside this Python: run `make test`.")
    root = tmp_path_factory.mktemp("reader") / "facegender"
    listing = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    for name in subprocess.run(listing, cwd=ROOT, capture_output=True, text=True, check=True).stdout.split("\0"):
        if name and name != "dvc.lock" and (ROOT / name).is_file():
            (root / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(ROOT / name, root / name)
    params = yaml.safe_load((root / "params.yaml").read_text(encoding="utf-8"))
    for section, values in TINY.items():
        params[section] |= values
    (root / "params.yaml").write_text(yaml.safe_dump(params), encoding="utf-8")
    reader = Reader(root, tmp_path_factory.mktemp("scratch"), RUN, KNOWN)
    for command in (["init", "-q"], ["add", "-A"], ["commit", "-q", "-m", "A fresh checkout"]):
        subprocess.run(["git", *command], cwd=root, env=reader.environment, check=True)
    (root / ".venv").symlink_to(sys.prefix)
    yield reader
    reader.stop()


@pytest.mark.slow
@pytest.mark.timeout(1800)
@pytest.mark.parametrize("number", range(len(RUN)), ids=[f"{n:02d} {command}" for n, command in enumerate(RUN)])
def test_the_command_does_what_readme_says(reader: Reader, number: int):
    outcome, known = reader.result(number), KNOWN[RUN[number]]
    assert outcome.code == 0, outcome.said
    assert known.says in outcome.said
    for name in known.leaves:
        assert (reader.root / name).exists(), outcome.said


@pytest.mark.slow
def test_make_ui_answers(reader: Reader):
    reader.result(RUN.index("make ui"))
    for page in ("api/health", ""):
        with urlopen(f"http://127.0.0.1:{reader.port}/{page}", timeout=30) as answer:
            assert answer.status == 200


@pytest.mark.slow
def test_every_result_that_readme_names_is_there(reader: Reader):
    reader.result(RUN.index("make run"))
    named = [span.text for span in spans(ROOT / "README.md") if span.text.startswith("artifacts/")]
    assert named
    assert [name for name in named if not (reader.root / name).exists()] == []


@pytest.mark.slow
@pytest.mark.parametrize("name", tables(ROOT / "docs/how-it-works.md"))
def test_columns_and_keys_are_those_that_the_docs_list(reader: Reader, name: str):
    reader.result(RUN.index("make run"))
    listed, path = tables(ROOT / "docs/how-it-works.md")[name], reader.root / name
    if path.suffix == ".parquet":
        assert listed == list(pd.read_parquet(path).columns)
    elif path.suffix == ".csv":
        assert listed == list(pd.read_csv(path).columns)
    elif path.suffix == ".json":
        found = json.loads(path.read_text(encoding="utf-8")).keys()
        assert sorted(set(listed) - AT_TIMES) == sorted(found - AT_TIMES)
        assert found <= set(listed)
    else:
        assert sorted(listed) == sorted(entry.name + "/" * entry.is_dir() for entry in path.iterdir())
