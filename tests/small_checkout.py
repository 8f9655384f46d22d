"""A separate checkout for a test: every file that git tracks or would track, tiny parameters and a few drawings."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

SOURCE = Path(__file__).resolve().parents[1]
TINY = {  # no weights: the tests check the pipeline, not the model
    "backbone": {"alpha": 0.35, "image_size": 96, "weights": "none"},
    "features": {"views": 1},
    "train": {"head_epochs": 1, "epochs": 1},
    "evaluate": {"bootstrap": 50},
}


def make_checkout(root: Path, images: int = 60) -> Path:
    """Copy the repository to `root`, commit it there and draw the demo data."""
    if shutil.which("facegender", path=str(Path(sys.executable).parent)) is None:
        pytest.fail("The project must be installed in this Python's environment. Run `make test`.")
    listing = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    names = subprocess.run(listing, cwd=SOURCE, capture_output=True, text=True, check=True).stdout.split("\0")
    for name in filter(None, names):
        if (SOURCE / name).is_file() and name != "dvc.lock":
            (root / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(SOURCE / name, root / name)
    set_params(root, TINY)
    someone = ["-c", "user.name=Someone", "-c", "user.email=someone@example.org"]
    for command in (["init", "-q"], ["add", "--all"], [*someone, "commit", "-q", "-m", "A copy"]):
        subprocess.run(["git", *command], cwd=root, check=True)
    code, output = call(root, "-m", "facegender", "demo", "--images", str(images))
    assert code == 0, output
    return root


def set_params(root: Path, changes: dict[str, dict[str, object]]) -> None:
    """Change values in params.yaml, by section."""
    path = root / "params.yaml"
    params = yaml.safe_load(path.read_text(encoding="utf-8"))
    for section, values in changes.items():
        params[section] |= values
    path.write_text(yaml.safe_dump(params), encoding="utf-8")


def environment(root: Path) -> dict[str, str]:
    """Return a user's environment, with the copy's code first on the path and without the tests' Prefect settings."""
    bare = {name: value for name, value in os.environ.items() if not name.startswith("PREFECT_")}
    programs = str(Path(sys.executable).parent)
    return {**bare, "PYTHONPATH": str(root), "PATH": os.pathsep.join([programs, os.environ["PATH"]])}


def start(root: Path, *arguments: str) -> subprocess.Popen[str]:
    """Start Python in the checkout, with stdout and stderr as one pipe."""
    command = [sys.executable, *arguments]
    pipe = subprocess.PIPE
    return subprocess.Popen(command, cwd=root, env=environment(root), stdout=pipe, stderr=subprocess.STDOUT, text=True)


def call(root: Path, *arguments: str) -> tuple[int, str]:
    """Run Python in the checkout; return the exit code and the output."""
    process = start(root, *arguments)
    output, _ = process.communicate()
    return process.returncode, output
