"""The servers listen on loopback alone, and the code loads nothing that could be code."""

import ast
from pathlib import Path

import psutil
import pytest

from tests.operations.production import PATIENCE_S

pytestmark = pytest.mark.timeout(3 * PATIENCE_S)

ROOT = Path(__file__).resolve().parents[2]
LOADS_CODE = {"pickle", "cPickle", "dill", "cloudpickle", "joblib", "shelve", "marshal"} | {
    "allow_pickle=True",
    "safe_mode=False",
    "shell=True",
}
SOURCES = [path for folder in ("facegender", "flows", "tasks") for path in sorted((ROOT / folder).rglob("*.py"))]


def test_server_and_worker_listen_on_loopback_alone(site):
    assert site.server is not None
    assert site.worker is not None
    opened = {
        (name, connection.laddr.ip)
        for name, process in (("server", site.server), ("worker", site.worker))
        for one in (process, *process.children(recursive=True))
        for connection in one.net_connections(kind="inet")
        if connection.status == psutil.CONN_LISTEN
    }
    assert ("server", "127.0.0.1") in opened
    assert {address for _, address in opened} == {"127.0.0.1"}


def test_prefect_stores_no_results(trained):
    # results would be pickles; tasks pass on paths, and states hold messages
    stored = trained.root / ".prefect/storage"
    assert not stored.exists() or [path for path in stored.rglob("*") if path.is_file()] == []


def test_the_project_loads_nothing_that_could_be_code():
    assert len(SOURCES) > 80
    found = []
    for path in SOURCES:
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            names: list[str] = []
            if isinstance(node, ast.Import):
                names = [alias.name for alias in node.names]
            elif isinstance(node, ast.ImportFrom):
                names = [node.module or ""]
            elif isinstance(node, ast.keyword) and isinstance(node.value, ast.Constant):
                names = [f"{node.arg}={node.value.value}"]
            found += [f"{path.name}: {name}" for name in names if name.partition(".")[0] in LOADS_CODE]
    assert found == []
