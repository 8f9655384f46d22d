"""The fold column: what its codes mean, and that only one module interprets them."""

import ast
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from facegender.files.splits import HOLDOUT, NEVER_VALIDATED, VALIDATION, fold_name, held_out, trains, validates

CODES = np.array([VALIDATION, NEVER_VALIDATED, HOLDOUT, VALIDATION], np.int8)
SOURCES = ("facegender", "flows", "tasks", "benchmarks")
NAMES = {"VALIDATION", "NEVER_VALIDATED", "HOLDOUT"}
METHODS = {"isin", "map", "replace", "eq", "ne", "gt", "ge", "lt", "le", "get"}


def test_the_codes_stay_the_same() -> None:
    # they are stored in splits.parquet and in a champion's predictions.parquet, which earlier versions wrote
    assert CODES.tolist() == [0, -1, -2, 0]


@pytest.mark.parametrize("fold", [CODES, pd.Series(CODES, index=[7, 5, 3, 1])])
def test_a_row_trains_validates_or_is_held_out(fold: "np.ndarray | pd.Series") -> None:
    assert trains(fold).tolist() == [False, True, False, False]
    assert validates(fold).tolist() == [True, False, False, True]
    assert held_out(fold).tolist() == [False, False, True, False]


@pytest.mark.parametrize("mark", [trains, validates, held_out])
def test_the_mask_of_a_column_is_a_plain_array(mark: Callable[[object], object]) -> None:
    # a Series would keep its index, and `&` with another column would align by that index
    mask = mark(pd.Series(CODES, index=[7, 5, 3, 1]))
    assert type(mask) is np.ndarray
    assert mask.dtype == bool
    assert mark(pd.Series([], dtype="int8")).tolist() == []


def test_the_names_of_the_codes() -> None:
    assert [fold_name(code) for code in (HOLDOUT, NEVER_VALIDATED, VALIDATION)] == [
        "held out",
        "training only",
        "validation fold 0",
    ]


def find_code_readers(text: str) -> Iterator[str]:
    """Find the expressions of a module that compare a fold with a code, or look a code up in their own table."""
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.Compare):
            parts = [node.left, *node.comparators]
        elif isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
            # a method of the column called with a code, or of a table of codes called with the fold
            parts = [node.func.value, *node.args] if node.func.attr in METHODS else []
        else:
            continue
        if any(map(mentions_fold, parts)) and any(map(is_code, parts)):
            yield ast.unparse(node)


def mentions_fold(node: ast.AST) -> bool:
    """Tell whether an expression mentions a fold or a column of folds: fold, folds, table["fold"], row.fold."""
    found = (getattr(part, "id", getattr(part, "attr", getattr(part, "value", None))) for part in ast.walk(node))
    return any(name in ("fold", "folds") for name in found)


def is_code(node: ast.AST) -> bool:
    """Tell whether an expression is a code, as a number or by name, or a collection that contains one."""
    if isinstance(node, ast.Tuple | ast.List | ast.Set):
        return any(map(is_code, node.elts))
    if isinstance(node, ast.Dict):
        return any(is_code(key) for key in node.keys if key is not None)
    if isinstance(node, ast.Name):
        return node.id in NAMES
    try:
        value = ast.literal_eval(node)
    except (ValueError, TypeError):
        return False
    return type(value) is int and value in (0, -1, -2)


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ('rows[splits["fold"] == 0]', True),
        ("(fold != 0) & (fold != -2)", True),
        ("splits.fold == -1", True),
        ('splits["fold"] != HOLDOUT', True),
        ("-1 == fold", True),
        ('splits["fold"].isin((VALIDATION, HOLDOUT))', True),
        ('splits["fold"].map({-1: "train", 0: "validation"})', True),
        ('{-2: "held out"}.get(fold, "")', True),
        ("splits.query('x') == 0", False),
        ("fold == number", False),
        ("validates(fold).sum() == count", False),
        ("counts == 0", False),
    ],
)
def test_code_readers_are_found(text: str, found: bool) -> None:
    assert bool(list(find_code_readers(text))) is found


def test_no_other_module_interprets_the_codes(checkout: Path) -> None:
    found = {
        f"{path.relative_to(checkout)}: {expression}"
        for folder in SOURCES
        for path in (checkout / folder).rglob("*.py")
        if path != checkout / "facegender/files/splits.py"
        for expression in find_code_readers(path.read_text(encoding="utf-8"))
    }
    assert found == set()


def test_only_modules_that_write_the_column_import_the_codes(checkout: Path) -> None:
    named = {
        str(path.relative_to(checkout))
        for folder in SOURCES
        for path in (checkout / folder).rglob("*.py")
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.ImportFrom) and node.module in ("facegender.files.splits", "facegender.data.split")
        if NAMES.intersection(alias.name for alias in node.names)
    }
    assert named == {"facegender/data/split.py", "facegender/cross_validation/plan.py"}
