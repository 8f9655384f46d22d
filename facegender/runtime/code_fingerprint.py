"""Fingerprints of code: a hash of a module and of everything that it imports from this package.

Comments, docstrings and formatting do not count. Modules are found by reading import statements; nothing is imported.
The modules of a stage are the same as those that dvc.yaml names for it.
"""

import ast
import hashlib
from collections.abc import Iterable
from functools import cache
from pathlib import Path

ROOT = Path(__file__).parents[2]


@cache  # a running process keeps its modules, even if their files change
def fingerprint_with_imports(module: str) -> str:
    """Return the fingerprint of a module, such as "facegender.training.train", together with everything it imports."""
    return fingerprint_files(ROOT, closure(ROOT, module))


@cache
def fingerprint_modules(*modules: str) -> str:
    """Return the fingerprint of the named modules of the package, without what they import."""
    return fingerprint_files(ROOT, [Path("facegender", *module.split(".")).with_suffix(".py") for module in modules])


def fingerprint_files(root: Path, files: Iterable[Path]) -> str:
    """Hash source files below `root`, by path and syntax tree without docstrings: 16 hex digits of a SHA-256."""
    digest = hashlib.sha256()
    for path in sorted(files):
        tree = strip_docstrings(ast.parse((root / path).read_text(encoding="utf-8")))
        digest.update(f"{path.as_posix()}\0{ast.dump(tree)}\0".encode())
    return digest.hexdigest()[:16]


def strip_docstrings(tree: ast.Module) -> ast.Module:
    """Remove the docstrings from a syntax tree, in place, and return the tree."""
    for node in ast.walk(tree):
        match node:
            case ast.Module() | ast.ClassDef() | ast.FunctionDef() | ast.AsyncFunctionDef():
                if ast.get_docstring(node, clean=False) is not None:
                    del node.body[0]
    return tree


def closure(root: Path, module: str) -> set[Path]:
    """Return the files below `root` that `module` imports, directly or indirectly, with itself and its packages.

    Imports inside functions count, because they too decide what the code does. Paths are relative to `root`.
    """
    found: set[Path] = set()
    waiting = [module]
    seen: set[str] = set()
    while waiting:
        name = waiting.pop()
        if name in seen:
            continue
        seen.add(name)
        file = find_source(root, name)
        if file is None:
            continue
        found.add(file.relative_to(root))
        if "." in name:
            waiting.append(name.rpartition(".")[0])
        waiting += list_imports(file, name)
    return found


def find_source(root: Path, name: str) -> Path | None:
    """Return the file of a module or package, or None if it is not below `root`."""
    base = root.joinpath(*name.split("."))
    candidates = (base.with_suffix(".py"), base / "__init__.py")
    return next((file for file in candidates if file.is_file()), None)


def list_imports(file: Path, name: str) -> list[str]:
    """List every name in a file's import statements that may be a module; `name` is the file's own module."""
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
