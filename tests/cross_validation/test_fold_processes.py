"""The processes that train folds: how many run at a time, and what happens if one fails."""

import sys
from pathlib import Path

import pytest

from facegender.cross_validation.train_folds import run_processes
from facegender.errors import UserError


def worker(folder: Path, code: str) -> list[str]:
    """Write a command that notes each of its runs as a line, then runs `code`; its last argument is the fold."""
    script = folder / "worker.py"
    script.write_text(
        "import os, sys, time\nfrom pathlib import Path\n"
        f"fold = sys.argv[-1]\nruns = Path({str(folder)!r}) / f'runs_{{fold}}'\n"
        "runs.write_text((runs.read_text() if runs.exists() else '') + 'run\\n')\n"
        "tries = len(runs.read_text().splitlines())\n" + code
    )
    return [sys.executable, str(script)]


def runs(folder: Path, fold: int) -> int:
    return len((folder / f"runs_{fold}").read_text().splitlines())


def test_only_the_failed_fold_is_started_again(tmp_path: Path) -> None:
    run_processes([0, 1, 2], 2, worker(tmp_path, "sys.exit(1 if fold == '1' and tries == 1 else 0)"))
    assert [runs(tmp_path, fold) for fold in range(3)] == [1, 2, 1]


def test_a_fold_that_fails_twice_does_not_stop_the_others(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="fold 0 ended with exit code 1, fold 1 ended with exit code 2"):
        run_processes([0, 1, 2], 1, worker(tmp_path, "sys.exit({'0': 1, '1': 2}.get(fold, 0))"))
    assert [runs(tmp_path, fold) for fold in range(3)] == [2, 1, 1]  # a user's mistake is not repeated


def test_the_requested_number_of_processes_runs_at_a_time(tmp_path: Path) -> None:
    code = (
        "here = Path(__file__).parent\n(here / f'busy_{fold}').touch()\ntime.sleep(0.5)\n"
        "with (here / 'seen').open('a') as file:\n    file.write(f\"{len(list(here.glob('busy_*')))}\\n\")\n"
        "(here / f'busy_{fold}').unlink()"
    )
    run_processes(range(4), 2, worker(tmp_path, code))
    assert max(map(int, (tmp_path / "seen").read_text().split())) == 2
