"""The server of a run for which none is running: it serves this run alone and ends with it.

Prefect starts an embedded server of its own, but that one goes on after a kill -9 of its run (Prefect 3.8.8, measured).
"""

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager

from flows.database import prepare_database
from flows.server_address import find_free_port, find_server, get_home, require_answer
from tasks.child import add_guard, end_group

VARIABLES = {
    # as for Prefect's own embedded server
    "PREFECT_UI_ENABLED": "0",
    "PREFECT__SERVER_EPHEMERAL": "1",
    "PREFECT__SERVER_FINAL": "1",
    # no run needs block types, and two servers that register them in a fresh database at once make each other fail
    "PREFECT_SERVER_REGISTER_BLOCKS_ON_START": "0",
    "PREFECT_SERVER_MEMOIZE_BLOCK_AUTO_REGISTRATION": "0",  # otherwise the next server would take them as registered
}


@contextmanager
def use_server() -> Iterator[str]:
    """Yield the API address of the server that is running, or of an embedded one that ends with the block.

    The embedded one also ends if this process is SIGKILLed.
    """
    url = find_server()
    if url is not None:
        yield url
        return
    prepare_database(get_home())
    port = find_free_port()
    command = [sys.executable, "-m", "uvicorn", "--factory", "prefect.server.api.server:create_app", "--lifespan", "on"]
    command += ["--host", "127.0.0.1", "--port", str(port), "--log-level", "error"]
    environment = {**os.environ, **VARIABLES}
    process = subprocess.Popen(add_guard(command), env=environment, stdin=subprocess.PIPE, start_new_session=True)
    try:
        url = f"http://127.0.0.1:{port}/api"
        require_answer(url, process)
        yield url
    finally:
        end_group(process)
        assert process.stdin is not None
        process.stdin.close()
