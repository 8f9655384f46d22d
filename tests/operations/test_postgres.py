"""The server on a real PostgreSQL: 200 task runs at once; none is lost or blocked by a lock."""

import os
import pwd
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from flows.server_address import find_free_port
from tests.operations.production import PATIENCE_S, Production, until
from tests.small_checkout import make_checkout

POSTGRES = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"))
INITDB = shutil.which("initdb") or (str(POSTGRES[-1]) if POSTGRES else None)
pytestmark = [
    pytest.mark.timeout(3 * PATIENCE_S),
    pytest.mark.skipif(INITDB is None, reason="no PostgreSQL on this machine"),
]

AT_ONCE = 200
BURST = f"""
from prefect import flow, task
from prefect.task_runners import ThreadPoolTaskRunner
from threading import Barrier

barrier = Barrier({AT_ONCE})

@task
def one(number):
    barrier.wait(timeout=300)  # all are running before the first continues
    return number

@flow(task_runner=ThreadPoolTaskRunner(max_workers={AT_ONCE}))
def burst():
    return sum(future.result() for future in one.map(list(range({AT_ONCE}))))

print("sum", burst())
"""


@pytest.fixture(scope="module")
def database() -> Iterator[str]:
    """Start a PostgreSQL on a free port; yield its address for Prefect."""
    assert INITDB is not None
    user = "postgres" if os.geteuid() == 0 else pwd.getpwuid(os.geteuid()).pw_name  # it refuses to run as root
    with tempfile.TemporaryDirectory(prefix="postgres-") as folder:
        home = Path(folder)
        home.chmod(0o755)
        cluster = home / "cluster"
        cluster.mkdir()
        as_user = {"user": user} if os.geteuid() == 0 else {}
        if as_user:
            shutil.chown(cluster, user)
        initialise = [INITDB, "-D", str(cluster), "-U", "prefect", "--auth=trust", "--no-sync", "-E", "UTF8"]
        subprocess.run(initialise, check=True, capture_output=True, cwd=folder, **as_user)
        port = find_free_port()
        program = str(Path(INITDB).resolve().with_name("postgres"))
        command = [program, "-D", str(cluster), "-p", str(port), "-c", "listen_addresses=127.0.0.1"]
        command += ["-c", f"unix_socket_directories={cluster}", "-c", "fsync=off"]
        with (home / "log").open("wb") as log:
            server = subprocess.Popen(command, stdout=log, stderr=log, cwd=folder, **as_user)
        try:
            ready = [str(Path(program).with_name("pg_isready")), "-h", "127.0.0.1", "-p", str(port)]
            until(lambda: subprocess.run(ready, capture_output=True, check=False).returncode == 0, "PostgreSQL")
            yield f"postgresql+asyncpg://prefect@127.0.0.1:{port}/postgres"
        finally:
            server.terminate()
            server.wait(60)


def test_200_task_runs_at_once(database, tmp_path):
    site = Production(make_checkout(tmp_path / "checkout"), PREFECT_SERVER_DATABASE_CONNECTION_URL=database)
    (tmp_path / "burst.py").write_text(BURST)
    try:
        site.make("deploy")
        log = site.root / ".prefect/server.log"
        said = site.call(sys.executable, "-m", "tasks", sys.executable, str(tmp_path / "burst.py"))
        assert said.endswith(f"sum {sum(range(AT_ONCE))}\n")
        (run,) = [run for run in site.runs() if run["state_type"] == "COMPLETED"]

        def counted() -> bool:
            filters = {
                "flow_runs": {"id": {"any_": [run["id"]]}},
                "task_runs": {"state": {"type": {"any_": ["COMPLETED"]}}},
            }
            return bool(site.api("/task_runs/count", filters) == AT_ONCE)

        until(counted, "every task run to be recorded")
        text = log.read_text(encoding="utf-8")
        assert "database is locked" not in text
        assert "ERROR" not in text, text[-3000:]
        assert not (site.root / ".prefect/prefect.db").exists()
    finally:
        site.close()
