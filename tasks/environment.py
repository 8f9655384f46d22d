"""Prefect's settings for this checkout, as environment variables; whatever the user has set stays as it is.

    python -m tasks.environment prefect server start

runs any command under them.
"""

import os
import sys
from pathlib import Path

CHECKOUT = Path(__file__).resolve().parents[1]

SETTINGS = {
    "PREFECT_HOME": str(CHECKOUT / ".prefect"),  # its database and settings; the user's own in ~/.prefect stay apart
    "PREFECT_SERVER_ANALYTICS_ENABLED": "false",  # on, it also locks a fresh SQLite database half of the time
    "DO_NOT_TRACK": "1",
    "PREFECT_SERVER_EPHEMERAL_STARTUP_TIMEOUT_SECONDS": "120",  # a fresh database takes nearly the default of 20 s
    "PREFECT_LOGGING_TO_API_WHEN_MISSING_FLOW": "ignore",  # a task tried by itself, outside of a flow, may log
    "PREFECT_CLI_PROMPT": "false",
}


def prepare() -> None:
    """Set what is not set. A server that the user names keeps the user's own PREFECT_HOME, with its credentials."""
    for name, value in SETTINGS.items():
        if name == "PREFECT_HOME" and "PREFECT_API_URL" in os.environ:
            continue
        os.environ.setdefault(name, value)


if __name__ == "__main__":
    prepare()
    command = sys.argv[1:]
    os.environ["PATH"] = os.pathsep.join([str(Path(sys.executable).parent), os.environ.get("PATH", os.defpath)])
    os.execvp(command[0], command)
