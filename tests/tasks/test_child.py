"""A child process ends with its parent."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

from tasks.checkout import Checkout
from tasks.child import Child

PARENT = """
import sys
from pathlib import Path
from tasks.checkout import Checkout
from tasks.child import Child
code = "import os, signal, time; signal.signal(signal.SIGTERM, {handling}); "
code += "print(os.getpid(), flush=True); time.sleep(600)"
with Child([sys.executable, "-c", code], Checkout(Path.cwd())) as child:
    for line in child.lines():
        if line:
            print(line, flush=True)
"""


def outlives(checkout: Path, handling: str, patience: float) -> bool:
    """Return whether a child is still alive `patience` seconds after its parent was SIGKILLed."""
    code = PARENT.replace("{handling}", handling)
    parent = subprocess.Popen([sys.executable, "-c", code], cwd=checkout, stdout=subprocess.PIPE, text=True)
    assert parent.stdout is not None
    with parent.stdout:
        child = int(parent.stdout.readline())
        parent.send_signal(signal.SIGKILL)
        parent.wait()
        deadline = time.monotonic() + patience
        while time.monotonic() < deadline:
            try:
                os.kill(child, 0)
            except ProcessLookupError:
                return False
            time.sleep(0.1)
    return True


def test_a_child_ends_with_a_parent_that_is_killed(checkout):
    assert not outlives(checkout, "signal.SIG_DFL", patience=5)


def test_a_child_that_ignores_sigterm_is_killed(checkout):
    assert not outlives(checkout, "signal.SIG_IGN", patience=20)  # 8 s of grace


def test_exit_status_and_output_are_passed_on(tmp_path):
    with Child([sys.executable, "-c", "print('said'); raise SystemExit(3)"], Checkout(tmp_path)) as child:
        assert [line for line in child.lines() if line] == ["said"]
    assert child.returncode == 3


def test_the_exit_status_of_a_killed_command_is_a_shells(tmp_path):
    code = "import os; os.kill(os.getpid(), 9)"
    with Child([sys.executable, "-c", code], Checkout(tmp_path)) as child:
        list(child.lines())
    assert child.returncode == 128 + 9


def test_the_checkouts_own_code_comes_first(tmp_path):
    (tmp_path / "facegender.py").write_text("print('of this checkout')\n")
    with Child([sys.executable, "-c", "import facegender"], Checkout(tmp_path)) as child:
        said = [line for line in child.lines() if line]
    assert said == ["of this checkout"]
