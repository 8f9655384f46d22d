"""Runs git: the one place that does."""

import os
import subprocess
from pathlib import Path


def run_git(root: Path, *arguments: str, variables: dict[str, str] | None = None, check: bool = True) -> str:
    """Run a git command in `root` and return its output, without line breaks around it.

    Parameters
    ----------
    variables
        To add to the environment.
    check
        Raise CalledProcessError if git fails; otherwise the output of a failed command is empty.
    """
    answer = subprocess.run(
        ["git", *arguments],
        cwd=root,
        env={**os.environ, **(variables or {})},
        capture_output=True,
        text=True,
        check=check,
    )
    return answer.stdout.strip("\n") if answer.returncode == 0 else ""
