"""The reading of import statements, on a package small enough to see through."""

from pathlib import Path

from .imports import closure


def package(root: Path, **files: str) -> None:
    (root / "house" / "attic").mkdir(parents=True)
    (root / "house/__init__.py").write_text("")
    (root / "house/attic/__init__.py").write_text("")
    for name, text in files.items():
        (root / "house" / f"{name.replace('_in_', '/')}.py").write_text(text)


def test_direct_indirect_late_and_relative_imports_count(tmp_path):
    package(
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


def test_imports_in_a_circle_end(tmp_path):
    package(tmp_path, door="import house.hall\n", hall="import house.door\n")
    assert {path.name for path in closure(tmp_path, "house.door")} == {"__init__.py", "door.py", "hall.py"}
