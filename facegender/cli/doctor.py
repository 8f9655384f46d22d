"""`facegender doctor`: check what the pipeline needs on this machine, and suggest fixes."""

import os
import platform
import shutil
import socket
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any, Literal
from urllib.parse import urlsplit

from facegender.errors import UserError
from facegender.files.layout import Layout
from facegender.network.engine import has_openvino
from facegender.network.weights import resolve_weights
from facegender.params.architectures import ARCHITECTURES, is_custom, title
from facegender.params.reading import read_params
from facegender.runtime.tensorflow_import import import_tensorflow

Level = Literal["good", "note", "missing"]
KERAS_MODELS = Path("~/.keras/models")
DVC_TIMEOUT_S = 60.0


@dataclass(frozen=True)
class Finding:
    """One row of the table.

    Attributes
    ----------
    level
        "good"; "note": the pipeline works without it; "missing": a stage will fail.
    what
        What was checked.
    found
        What is there.
    remedy
        What to do, if anything.
    """

    level: Level
    what: str
    found: str
    remedy: str = ""


def examine(params: Path, data: Path) -> list[Finding]:
    """Run every check once. All are quick except the one that imports TensorFlow."""
    layout = Layout(data)
    checks: list[Callable[[], Finding]] = [
        _check_python,
        _check_tensorflow,
        _check_engine,
        lambda: _check_params(params),
        lambda: _check_data(layout),
        lambda: _check_weights(params, layout),
        _check_disk,
        _check_dvc_remote,
        _check_prefect_api,
    ]
    return [check() for check in checks]


def _check_python() -> Finding:
    found = f"{platform.python_version()} on {platform.system()} {platform.machine()}, {os.cpu_count()} cores"
    if (3, 11) <= sys.version_info < (3, 14):
        return Finding("good", "Python", found)
    return Finding("missing", "Python", found, "Use Python 3.11, 3.12 or 3.13.")


def _check_tensorflow() -> Finding:
    try:
        number = version("tensorflow")
    except PackageNotFoundError:
        return Finding("missing", "TensorFlow", "not installed", "Run `make run`, which installs requirements.lock.")
    import_tensorflow()
    import tensorflow as tf

    gpus = tf.config.list_physical_devices("GPU")
    if gpus:
        names = [tf.config.experimental.get_device_details(gpu).get("device_name", "GPU") for gpu in gpus]
        return Finding("good", "TensorFlow", f"{number}, {len(gpus)} GPU: {', '.join(names)}")
    remedy = "" if platform.system() != "Linux" else "If it has an NVIDIA GPU, install `facegender[gpu]`."
    return Finding("note", "TensorFlow", f"{number}, no GPU: trains on the CPU", remedy)


def _check_engine() -> Finding:
    if has_openvino():
        return Finding("good", "Scoring engine", f"OpenVINO {version('openvino')}")
    return Finding("note", "Scoring engine", "OpenVINO is not installed: TensorFlow scores, at about half the speed")


def _check_params(path: Path) -> Finding:
    try:
        read_params(path)
    except UserError as error:
        return Finding("missing", "Parameters", str(error))
    return Finding("good", "Parameters", str(path))


def _check_data(layout: Layout) -> Finding:
    wanted = [layout.images, layout.train_csv, layout.test_csv, layout.sample_submission]
    missing = [path.name for path in wanted if not path.exists()]
    if missing:
        remedy = f"Put them into {layout.data}/, or draw the demo: `facegender demo`."
        return Finding("missing", "Data", f"{layout.data}/ lacks {', '.join(missing)}", remedy)
    kind = "the drawn demo" if layout.demo_marker.exists() else "your own"
    with os.scandir(layout.images) as entries:
        count = sum(1 for _ in entries)
    return Finding("good", "Data", f"{kind}, {count:,} files in {layout.images}")


def _check_weights(params: Path, layout: Layout) -> Finding:
    try:
        backbone = read_params(params).backbone
    except UserError:
        return Finding("note", "Backbone weights", "unknown, because the parameters cannot be read")
    name = title(backbone.name)
    if is_custom(backbone.name) and not Path(backbone.name).expanduser().is_file():
        return Finding(
            "missing", "Backbone", f"{backbone.name} does not exist", "Correct backbone.name in params.yaml."
        )
    try:
        source = resolve_weights(backbone, layout.demo_marker.exists())
    except UserError as error:
        return Finding("missing", "Backbone weights", str(error))
    if source in ("demo", "none", "own"):
        described = {"demo": "demo weights", "none": "random", "own": "from the .keras file"}[source]
        return Finding("good", "Backbone weights", f"{name}: {described}")
    if source == "imagenet":
        pattern = ARCHITECTURES[backbone.name].cache_pattern.format(alpha=backbone.alpha)
        files = sorted(KERAS_MODELS.expanduser().glob(pattern))
        if files:
            return Finding("good", "Backbone weights", f"{name}: ImageNet, {files[0]}")
        remedy = "Connect to the internet once, or set backbone.weights to a path or to none."
        return Finding("note", "Backbone weights", f"{name}: ImageNet, will be downloaded in the first run", remedy)
    if Path(source).expanduser().is_file():
        return Finding("good", "Backbone weights", f"{name}: {source}")
    return Finding(
        "missing", "Backbone weights", f"{source} does not exist", "Correct backbone.weights in params.yaml."
    )


def _check_disk() -> Finding:
    free = shutil.disk_usage(".").free / 1e9
    if free > 5:
        return Finding("good", "Disk", f"{free:,.0f} GB free")
    return Finding("note", "Disk", f"{free:.1f} GB free", "Features need about 0.1 GB per 1,000 images and 6 views.")


def _check_dvc_remote() -> Finding:
    dvc = shutil.which("dvc") or str(Path(sys.executable).with_name("dvc"))
    try:
        run = subprocess.run(
            [dvc, "remote", "list"], capture_output=True, text=True, timeout=DVC_TIMEOUT_S, check=False
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        return Finding("note", "DVC remote", f"dvc did not answer: {error}")
    if run.returncode:
        return Finding("note", "DVC remote", "this folder is not a DVC repository", "Run this command in the checkout.")
    if not run.stdout.strip():
        remedy = "To share data and models: `dvc remote add -d NAME URL`, then `dvc push`."
        return Finding("note", "DVC remote", "none", remedy)
    return Finding("good", "DVC remote", run.stdout.split()[0])


def _check_prefect_api() -> Finding:
    url = os.environ.get("PREFECT_API_URL")
    if not url:
        return Finding("good", "Prefect API", "embedded: every run starts its own server; `make ui` shows the runs")
    parts = urlsplit(url)
    port = parts.port or (443 if parts.scheme == "https" else 80)
    try:
        socket.create_connection((parts.hostname or "", port), timeout=5).close()
    except OSError as error:
        remedy = "Start that server, or unset PREFECT_API_URL to use the embedded one."
        return Finding("missing", "Prefect API", f"{url} does not answer: {error}", remedy)
    return Finding("good", "Prefect API", url)


def as_rich(findings: list[Finding]) -> Any:
    """Build the table for the terminal."""
    from rich.markup import escape
    from rich.table import Table

    marks = {"good": "[green]ok[/green]", "note": "[yellow]note[/yellow]", "missing": "[red]missing[/red]"}
    table = Table(box=None, pad_edge=False)
    for column in ("", "", "found", "what to do"):
        table.add_column(column, overflow="fold")
    for finding in findings:
        table.add_row(marks[finding.level], finding.what, escape(finding.found), escape(finding.remedy))
    return table
