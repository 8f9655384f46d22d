"""Which modules of a package a module is made of, read off the import statements without importing anything."""

import ast
from pathlib import Path


def closure(root: Path, module: str) -> set[Path]:
    """Files below `root` that `module` imports, itself and its packages included, directly or through another.

    Imports inside functions count: they too decide what the code does.
    """
    found: set[Path] = set()
    waiting = [module]
    seen: set[str] = set()
    while waiting:
        name = waiting.pop()
        if name in seen:
            continue
        seen.add(name)
        file = source(root, name)
        if file is None:
            continue
        found.add(file.relative_to(root))
        if "." in name:
            waiting.append(name.rpartition(".")[0])
        waiting += imported(file, name)
    return found


def source(root: Path, name: str) -> Path | None:
    """The file of a module or package; None for what is not below `root`."""
    base = root.joinpath(*name.split("."))
    candidates = (base.with_suffix(".py"), base / "__init__.py")
    return next((file for file in candidates if file.is_file()), None)


def imported(file: Path, name: str) -> list[str]:
    """Every name that may be a module in the import statements of a file."""
    package = name if file.name == "__init__.py" else name.rpartition(".")[0]
    names: list[str] = []
    for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            names += [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            levels = package.split(".")
            start = ".".join(levels[: len(levels) - node.level + 1]) if node.level else ""
            origin = ".".join(filter(None, [start, node.module]))
            names += [origin, *(f"{origin}.{alias.name}" for alias in node.names)]
    return names
