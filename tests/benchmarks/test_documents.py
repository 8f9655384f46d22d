"""The documents under docs/ are what the generators write from the kept results."""

from pathlib import Path

import pytest

from benchmarks import choices_document, decoding_document, document
from benchmarks.json_file import read_json
from benchmarks.markdown_text import render_table


@pytest.mark.parametrize("name", ["benchmarks", "choices", "decoding"])
def test_a_document_agrees_with_the_kept_results(name: str, checkout: Path) -> None:
    results = checkout / "benchmarks/results"
    if name == "benchmarks":
        text = document.render_document(results)
    elif name == "choices":
        text = choices_document.render_document(results / "choices")
    else:
        text = decoding_document.render_document(read_json(results / "decoding.json"))
    assert (checkout / f"docs/{name}.md").read_text(encoding="utf-8") == text


def test_a_table_has_a_head_a_rule_and_rows() -> None:
    assert render_table(["", "seconds"], [["ours", "2.0"], ["other", ""]]) == [
        "| | seconds |",
        "|---|---|",
        "| ours | 2.0 |",
        "| other | |",
    ]
