"""Atomic writes: a file or folder appears complete or not at all."""

import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def atomic_file(path: Path) -> Iterator[Path]:
    """Yield a temporary path beside `path`; if the block succeeds, flush the file to disk and rename it to `path`.

    The temporary path has the same suffix, because some writers choose their format by it. After an error or a kill,
    `path` is unchanged.

    Examples
    --------
    >>> path = Path(tempfile.mkdtemp()) / "metrics.json"
    >>> with atomic_file(path) as file:
    ...     _ = file.write_text("{}")
    >>> path.read_text()
    '{}'
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(prefix=f".{path.stem}.", suffix=path.suffix, dir=path.parent)
    os.close(handle)
    temporary = Path(name)
    try:
        yield temporary
        _use_default_permissions(temporary)
        _flush(temporary)
        temporary.replace(path)
        _flush(path.parent)
    finally:
        temporary.unlink(missing_ok=True)


@contextmanager
def atomic_folder(path: Path) -> Iterator[Path]:
    """Yield an empty folder beside `path`; if the block succeeds, replace `path` with it.

    A folder cannot be renamed over a non-empty one, so the old folder is moved aside first. After a kill between the
    two renames `path` is missing, but never half-written.

    Examples
    --------
    >>> path = Path(tempfile.mkdtemp()) / "model"
    >>> with atomic_folder(path) as folder:
    ...     _ = (folder / "classes.json").write_text("{}")
    ...     path.exists()
    False
    >>> [file.name for file in path.iterdir()]
    ['classes.json']
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = Path(tempfile.mkdtemp(prefix=f".{path.name}.", dir=path.parent))
    try:
        yield temporary
        replace_folder(temporary, path)
    finally:
        shutil.rmtree(temporary, ignore_errors=True)


def replace_folder(source: Path, target: Path) -> None:
    """Flush the finished folder `source` to disk and rename it to `target`, on the same file system."""
    for file in source.rglob("*"):
        _flush(file)
    source.chmod(0o777 & ~_umask())
    target.parent.mkdir(parents=True, exist_ok=True)
    if target.exists():
        aside = Path(tempfile.mkdtemp(prefix=f".{target.name}.old.", dir=target.parent))
        target.rename(aside / target.name)
        source.rename(target)
        shutil.rmtree(aside)
    else:
        source.rename(target)
    _flush(target.parent)


def _use_default_permissions(path: Path) -> None:
    # mkstemp creates files that only their owner can read
    path.chmod(0o666 & ~_umask())


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask


def _flush(path: Path) -> None:
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
