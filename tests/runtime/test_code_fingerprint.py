"""The fingerprint of code and the reading of import statements, on a package small enough to check by hand."""

from pathlib import Path

import pytest
import yaml

from facegender.runtime.code_fingerprint import closure, fingerprint_files, fingerprint_with_imports


def write_package(root: Path, **files: str) -> None:
    """Write modules of a package `house`; `attic_in_box` is house/attic/box.py."""
    (root / "house" / "attic").mkdir(parents=True)
    (root / "house/__init__.py").write_text("")
    (root / "house/attic/__init__.py").write_text("")
    for name, text in files.items():
        (root / "house" / f"{name.replace('_in_', '/')}.py").write_text(text)


def test_direct_indirect_late_and_relative_imports_count(tmp_path):
    write_package(
        tmp_path,
        door="import json\nfrom house import hall\n",
        hall="def enter():\n    from house.attic.box import lid\n",
        attic_in_box="from . import dust\n",
        attic_in_dust="",
        cellar="import house.door\n",
    )
    found = {str(path) for path in closure(tmp_path, "house.door")}
    assert found == {
        "house/__init__.py",
        "house/door.py",
        "house/hall.py",
        "house/attic/__init__.py",
        "house/attic/box.py",
        "house/attic/dust.py",
    }


def test_a_circle_of_imports_ends(tmp_path):
    write_package(tmp_path, door="import house.hall\n", hall="import house.door\n")
    assert {path.name for path in closure(tmp_path, "house.door")} == {"__init__.py", "door.py", "hall.py"}


DOOR = '''"""A door."""

import house.hall

LIMIT = 5


def enter(steps: int) -> bool:
    """Enter."""
    return steps < LIMIT  # no further
'''


@pytest.mark.parametrize(
    ("before", "after", "counts"),
    [
        ('"""A door."""', '"""A door of oak."""', False),
        ('    """Enter."""\n', "", False),
        ("  # no further", "", False),
        ("return steps < LIMIT", "return (\n        steps < LIMIT\n    )", False),
        ("LIMIT = 5", "LIMIT = 6", True),
        ("steps < LIMIT", "steps <= LIMIT", True),
        ("import house.hall", "import house.attic", True),
    ],
)
def test_code_counts_but_comments_do_not(tmp_path: Path, before: str, after: str, counts: bool) -> None:
    write_package(tmp_path, door=DOOR, hall="")
    first = fingerprint_files(tmp_path, closure(tmp_path, "house.door"))
    (tmp_path / "house/door.py").write_text(DOOR.replace(before, after))
    assert (fingerprint_files(tmp_path, closure(tmp_path, "house.door")) != first) is counts


def test_an_imported_module_counts_but_another_one_does_not(tmp_path: Path) -> None:
    write_package(tmp_path, door=DOOR, hall="WIDTH = 1", cellar="DEPTH = 1")
    first = fingerprint_files(tmp_path, closure(tmp_path, "house.door"))
    (tmp_path / "house/cellar.py").write_text("DEPTH = 2")
    assert fingerprint_files(tmp_path, closure(tmp_path, "house.door")) == first
    (tmp_path / "house/hall.py").write_text("WIDTH = 2")
    assert fingerprint_files(tmp_path, closure(tmp_path, "house.door")) != first


def test_dvc_watches_every_file_that_training_imports(checkout: Path) -> None:
    stages = yaml.safe_load((checkout / "dvc.yaml").read_text(encoding="utf-8"))["stages"]
    watched = [dep for dep in stages["train"]["deps"] if dep.startswith("facegender/")]
    files = closure(checkout, "facegender.training.train")
    assert [file for file in files if not any(file.is_relative_to(dep) for dep in watched)] == []
    assert fingerprint_with_imports("facegender.training.train") == fingerprint_files(checkout, files)
