"""Which code something is made by: a fingerprint of a module and of all that it imports of this package.

Comments, docstrings and layout do not count. The modules are those that dvc.yaml names for a stage, found in the same
way: by reading import statements, importing nothing.
"""

import ast
import hashlib
from collections.abc import Iterable
from functools import cache
from pathlib import Path

ROOT = Path(__file__).parents[2]


@cache  # the modules of a running process stay as they are, whatever becomes of their files
def fingerprint_with_imports(module: str) -> str:
    """Of the code that `module` consists of, "facegender.training.train" for one."""
    return fingerprint_files(ROOT, closure(ROOT, module))


@cache
def fingerprint_modules(*modules: str) -> str:
    """Of these modules of the package, and of none that they import."""
    return fingerprint_files(ROOT, [Path("facegender", *module.split(".")).with_suffix(".py") for module in modules])


def fingerprint_files(root: Path, files: Iterable[Path]) -> str:
    """Of source files below `root`, by name and by what each statement does."""
    digest = hashlib.sha256()
    for path in sorted(files):
        tree = strip_docstrings(ast.parse((root / path).read_text(encoding="utf-8")))
        digest.update(f"{path.as_posix()}\0{ast.dump(tree)}\0".encode())
    return digest.hexdigest()[:16]


def strip_docstrings(tree: ast.Module) -> ast.Module:
    """The tree itself, its docstrings taken out."""
    for node in ast.walk(tree):
        match node:
            case ast.Module() | ast.ClassDef() | ast.FunctionDef() | ast.AsyncFunctionDef():
                if ast.get_docstring(node, clean=False) is not None:
                    del node.body[0]
    return tree


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
        file = find_source(root, name)
        if file is None:
            continue
        found.add(file.relative_to(root))
        if "." in name:
            waiting.append(name.rpartition(".")[0])
        waiting += list_imports(file, name)
    return found


def find_source(root: Path, name: str) -> Path | None:
    """The file of a module or package; None for what is not below `root`."""
    base = root.joinpath(*name.split("."))
    candidates = (base.with_suffix(".py"), base / "__init__.py")
    return next((file for file in candidates if file.is_file()), None)


def list_imports(file: Path, name: str) -> list[str]:
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
