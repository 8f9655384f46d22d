"""The machine that figures were measured on, and the moment: as data, and in words."""

import os
import platform
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any

MOMENT = ("load", "date")  # the fields that differ from one hour to the next
HARDWARE = ("processor", "cores")


def describe_machine(*packages: str) -> dict[str, Any]:
    """Return processor, cores, load, date, and the versions of Python and of some packages."""
    return {
        "processor": _name_processor(),
        "cores": os.cpu_count(),
        **describe_moment(),
        "python": platform.python_version(),
        **{name: version(name) for name in packages},
    }


def describe_moment() -> dict[str, Any]:
    """Return the load average, which tells whether other programs run, and the date."""
    return {"load": round(os.getloadavg()[0], 2), "date": datetime.now(UTC).isoformat(timespec="minutes")}


def _name_processor() -> str:
    """Return the processor's name, with family and model if known: virtual machines give different ones one name."""
    info = Path("/proc/cpuinfo")
    facts: dict[str, str] = {}
    for line in info.read_text().splitlines() if info.exists() else []:
        key, _, value = line.partition(":")
        facts.setdefault(key.strip(), value.strip())
    name = facts.get("model name", platform.processor())
    return f"{name} (family {facts['cpu family']}, model {facts['model']})" if "cpu family" in facts else name


def render_hardware(machine: Mapping[str, Any]) -> str:
    """Return processor and cores in words."""
    return f"{machine['processor']}, {machine['cores']} cores"


def render_moments(moments: Iterable[Mapping[str, Any]]) -> str:
    """Describe the load and the date of the runs; several runs give ranges."""
    listed = list(moments)
    loads, dates = (_render_range(moment[name] for moment in listed) for name in MOMENT)
    return f"load {loads} at the start, {dates}"


def render_versions(machine: Mapping[str, Any]) -> str:
    """Return the versions of Python and of the packages in words."""
    return ", ".join(f"{name} {value}" for name, value in machine.items() if name not in (*HARDWARE, *MOMENT))


def _render_range(values: Iterable[Any]) -> str:
    ordered = sorted(values)
    first, last = ordered[0], ordered[-1]
    return f"{first}" if first == last else f"{first} to {last}"
