"""The server of a checkout: started once, found by every command, stopped by one, and never left behind."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from socket import socket
from urllib.error import URLError
from urllib.request import urlopen

import pytest

from flows.server_address import find_free_port, get_page
from tasks.environment import find_running_server

EMBEDDED = """
import time
from flows.embedded_server import use_server
with use_server() as url:
    print(url, flush=True)
    time.sleep(600)
"""


@pytest.fixture(scope="module")
def variables(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, str]]:
    """Environment variables with a PREFECT_HOME and a port for the tests of this module."""
    bare = {name: value for name, value in os.environ.items() if not name.startswith("PREFECT_")}
    home = tmp_path_factory.mktemp("home")
    own = {**bare, "PREFECT_HOME": str(home), "PREFECT_SERVER_API_PORT": str(find_free_port())}
    yield own
    if find_running_server(home):
        server(own, "stop")


def server(variables: dict[str, str], command: str) -> subprocess.CompletedProcess[str]:
    root = Path(__file__).resolve().parents[2]
    line = [sys.executable, "-m", "flows.server", command]
    return subprocess.run(line, cwd=root, env=variables, capture_output=True, text=True, check=False)


def answers(url: str) -> bool:
    try:
        with urlopen(f"{url}/health", timeout=10) as answer:
            return bool(answer.status == 200)
    except (URLError, ConnectionError):
        return False


def test_a_server_is_started_once_found_and_stopped(checkout, variables):
    url = f"http://127.0.0.1:{variables['PREFECT_SERVER_API_PORT']}/api"
    first = server(variables, "start")
    assert (first.returncode, first.stdout) == (0, f"The Prefect UI: {get_page(url)}\n"), first.stderr
    assert answers(url)
    assert server(variables, "start").stdout == first.stdout
    assert server(variables, "run").stdout == f"A server is already running: {get_page(url)}\n"
    # every command of this checkout finds it
    code = "import tasks; from prefect.settings import get_current_settings as s; print(s().api.url)"
    found = subprocess.run(
        [sys.executable, "-c", code], cwd=checkout, env=variables, capture_output=True, text=True, check=True
    )
    assert found.stdout.strip() == url
    assert server(variables, "stop").stdout == "The server is stopped.\n"
    assert not answers(url)
    assert server(variables, "stop").stdout == "No server of this checkout is running.\n"


def test_a_killed_server_is_started_again_even_if_the_terminal_still_names_it(variables):
    home, url = Path(variables["PREFECT_HOME"]), f"http://127.0.0.1:{variables['PREFECT_SERVER_API_PORT']}/api"
    first = server(variables, "start")
    killed = find_running_server(home)
    assert killed is not None
    os.kill(killed.process, signal.SIGKILL)
    again = server({**variables, "PREFECT_API_URL": url}, "start")
    assert (again.returncode, again.stdout) == (0, first.stdout), again.stderr
    assert find_running_server(home) not in (None, killed)
    assert answers(url)
    assert server(variables, "stop").returncode == 0


def test_an_embedded_server_ends_with_its_run_even_by_kill_9(checkout, variables):
    process = subprocess.Popen([sys.executable, "-c", EMBEDDED], cwd=checkout, env=variables, stdout=subprocess.PIPE)
    assert process.stdout is not None
    with process.stdout:
        url = process.stdout.readline().decode().strip()
        assert answers(url)
        process.kill()
        process.wait()
    deadline = time.monotonic() + 30
    while answers(url):
        assert time.monotonic() < deadline
        time.sleep(0.2)


@pytest.mark.parametrize("command", ["start", "run"])
def test_a_taken_port_is_refused_and_another_one_proposed(variables, command):
    with socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        port = other.getsockname()[1]
        answer = server({**variables, "PREFECT_SERVER_API_PORT": str(port)}, command)
    assert answer.returncode == 2
    assert f"127.0.0.1:{port} must be free" in answer.stderr
    assert f"PREFECT_SERVER_API_PORT={port + 1} make ui" in answer.stderr


def test_a_named_server_that_does_not_answer_is_refused(variables):
    answer = server({**variables, "PREFECT_API_URL": f"http://127.0.0.1:{find_free_port()}/api"}, "start")
    assert answer.returncode == 2
    assert "does not answer" in answer.stderr
