"""`.keras` files whose bytes depend on the model alone.

Keras writes the time and memory addresses into its files. DVC would take two equal models for different ones, and rerun
what depends on them.
"""

import json
import re
import tempfile
import zipfile
from pathlib import Path

import keras

EARLIEST_TIME = (1980, 1, 1, 0, 0, 0)  # the earliest time that a zip entry can have


def save_model(model: keras.Model, path: Path) -> None:
    """Save a whole Keras model; equal models give equal files."""
    with tempfile.TemporaryDirectory(dir=path.parent) as folder:
        stamped = Path(folder) / "stamped.keras"
        model.save(stamped)
        with zipfile.ZipFile(stamped) as source, zipfile.ZipFile(path, "w") as target:
            for name in sorted(source.namelist()):
                content = source.read(name)
                if name == "metadata.json":
                    content = json.dumps({**json.loads(content), "date_saved": ""}, sort_keys=True).encode()
                elif name == "config.json":
                    content = _count_shared_objects(content.decode()).encode()
                target.writestr(zipfile.ZipInfo(name, EARLIEST_TIME), content)


def _count_shared_objects(config: str) -> str:
    """Number the objects that layers share in order of appearance; Keras names them by memory address."""
    numbers: dict[str, str] = {}
    return re.sub(
        r'(?<="shared_object_id": )\d+', lambda found: numbers.setdefault(found[0], str(len(numbers))), config
    )


def load_model(path: Path) -> keras.Model:
    """Load a model for scoring, in safe mode, so that no code in the file runs."""
    return keras.models.load_model(path, compile=False, safe_mode=True)
