"""Sections and dotted names are two ways to write the same parameters."""

from facegender.params.writing import flatten, merge_changes, unflatten

SECTIONS = {"train": {"epochs": 8, "dropout": 0.5}, "split": {"seed": 1}}


def test_flatten_and_unflatten_are_inverse() -> None:
    assert flatten(SECTIONS) == {"train.epochs": 8, "train.dropout": 0.5, "split.seed": 1}
    assert unflatten(flatten(SECTIONS)) == SECTIONS


def test_changes_are_merged_key_by_key_into_new_sections() -> None:
    before = {name: dict(values) for name, values in SECTIONS.items()}
    found = merge_changes(SECTIONS, {"train.epochs": 2, "features.views": 1})
    assert found == {"train": {"epochs": 2, "dropout": 0.5}, "split": {"seed": 1}, "features": {"views": 1}}
    assert before == SECTIONS
