"""What figures were measured on, and when."""

import os
import platform
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path

MOMENT = ("load", "date")  # of `machine`: what differs from one hour to the next


def machine(*packages: str) -> dict[str, object]:
    """Processor, date and versions of some packages. `load` tells whether anything else ran."""
    return {
        "processor": _processor(),
        "cores": os.cpu_count(),
        **moment(),
        "python": platform.python_version(),
        **{name: version(name) for name in packages},
    }


def moment() -> dict[str, object]:
    """Load and date."""
    return {"load": round(os.getloadavg()[0], 2), "date": datetime.now(UTC).isoformat(timespec="minutes")}


def _processor() -> str:
    """Its name; with family and model where there are such, because virtual machines give different ones one name."""
    info = Path("/proc/cpuinfo")
    facts: dict[str, str] = {}
    for line in info.read_text().splitlines() if info.exists() else []:
        key, _, value = line.partition(":")
        facts.setdefault(key.strip(), value.strip())
    name = facts.get("model name", platform.processor())
    return f"{name} (family {facts['cpu family']}, model {facts['model']})" if "cpu family" in facts else name
