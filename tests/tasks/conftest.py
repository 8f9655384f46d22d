"""A tiny real pipeline with git and DVC, whose stages have one line each."""

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from tasks.checkout import Checkout

Pipeline = Callable[..., Checkout]


def call(folder: Path, *command: str) -> None:
    subprocess.run(command, cwd=folder, check=True, capture_output=True)


@pytest.fixture
def pipeline(tmp_path: Path) -> Pipeline:
    """Return a function that makes a checkout. Its keywords are stages: name = Python code that writes NAME.txt."""

    def make(**codes: str) -> Checkout:
        call(tmp_path, "git", "init", "-q")
        call(tmp_path, sys.executable, "-m", "dvc", "init", "-q")
        call(tmp_path, sys.executable, "-m", "dvc", "config", "core.analytics", "false")
        (tmp_path / "input.txt").write_text("1")
        lines = ["stages:"]
        for name, code in codes.items():
            (tmp_path / f"{name}.py").write_text(code)
            lines += [f"  {name}:", f"    cmd: python {name}.py"]
            lines += [f"    deps: [{name}.py, input.txt]", f"    outs: [{name}.txt]"]
        if codes:
            (tmp_path / "dvc.yaml").write_text("\n".join(lines) + "\n")
        return Checkout(tmp_path)

    return make
