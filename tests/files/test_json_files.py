"""JSON files: written values come back, and no other module reads or writes such files."""

import re
from pathlib import Path

from facegender.files.json_files import read_json, write_json


def test_written_values_are_read_back(tmp_path: Path) -> None:
    values = {"z": [1, 2.5, None], "a": {"label": "größer"}}
    write_json(tmp_path / "f.json", values)
    assert read_json(tmp_path / "f.json") == values


def test_keys_keep_their_order_and_letters_are_not_escaped(tmp_path: Path) -> None:
    write_json(tmp_path / "f.json", {"z": 1, "a": "ü"})
    assert (tmp_path / "f.json").read_text(encoding="utf-8") == '{\n  "z": 1,\n  "a": "ü"\n}\n'


def test_no_other_module_reads_or_writes_a_json_file(checkout: Path) -> None:
    found = [
        str(path.relative_to(checkout))
        for path in (checkout / "facegender").rglob("*.py")
        if path.name != "json_files.py"
        and re.search(r"json\.loads\(.*read_text|write_text\(json\.dumps", path.read_text(encoding="utf-8"))
    ]
    assert found == []
