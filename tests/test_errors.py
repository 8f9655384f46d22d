"""A full disk and a read-only folder are user errors: one message, no traceback, nothing half-written."""

import ctypes
import errno
import os
import resource
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from facegender.errors import translate_os_error
from tests.small_data import Data

PR_CAPBSET_DROP, CAP_DAC_OVERRIDE, CAP_DAC_READ_SEARCH = 24, 1, 2


def little_room() -> None:
    """Simulate a full disk: no file can grow beyond 1,000 bytes."""
    resource.setrlimit(resource.RLIMIT_FSIZE, (1000, 1000))


def permissions_count() -> None:
    """Make permissions apply even if root runs the tests, who could write anywhere."""
    if os.geteuid() == 0:
        for capability in (CAP_DAC_OVERRIDE, CAP_DAC_READ_SEARCH):
            assert ctypes.CDLL(None).prctl(PR_CAPBSET_DROP, capability, 0, 0, 0) == 0


def validate(small: Data, before: Callable[[], None]) -> subprocess.CompletedProcess[str]:
    root = small.layout.data.parent
    (root / "params.yaml").write_text("validate: {max_quarantined: 1.0}\n")
    return subprocess.run(
        [sys.executable, "-m", "facegender", "validate"],
        cwd=root,
        env={**os.environ, "PYTHONPATH": str(Path(__file__).resolve().parents[1])},
        preexec_fn=before,
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.fixture
def small(tmp_path: Path) -> Data:
    small = Data(tmp_path)
    small.run()  # writes the tables and a first index
    return small


def test_a_full_disk(small):
    before = small.outputs()
    small.layout.train_csv.write_text(small.layout.train_csv.read_text().replace("b9.png,1", "b9.png,0"))
    ended = validate(small, little_room)
    assert ended.returncode == 2, ended.stderr
    assert "there must be free disk space" in ended.stderr
    assert "Traceback" not in ended.stderr
    assert small.outputs() == before
    assert sorted(path.name for path in small.layout.artifacts.iterdir()) == ["index.parquet", "validation.json"]


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux's capabilities make permissions apply to root")
def test_a_read_only_folder(small):
    before = small.outputs()
    small.layout.artifacts.chmod(0o555)
    try:
        ended = validate(small, permissions_count)
    finally:
        small.layout.artifacts.chmod(0o755)
    assert ended.returncode == 2, ended.stderr
    assert "must be readable and writable" in ended.stderr
    assert "artifacts" in ended.stderr
    assert "Traceback" not in ended.stderr
    assert small.outputs() == before


def test_the_error_number_is_found_behind_a_librarys_own_exception():
    bare = OSError(errno.ENOSPC, "No space left on device", "here")
    wrapped = RuntimeError("the library's words")
    wrapped.__cause__ = bare
    assert "here: there must be free disk space." in str(translate_os_error(wrapped))
    # h5py gives the number only in its text
    spoken = OSError("Unable to synchronously write (file write failed: errno = 28, error message = 'No space left')")
    assert "the disk: there must be free disk space." in str(translate_os_error(spoken))


@pytest.mark.parametrize("bug", [ValueError("a bug"), OSError(errno.ENOENT, "No such file", "gone")])
def test_a_bug_stays_a_bug(bug):
    assert translate_os_error(bug) is None
