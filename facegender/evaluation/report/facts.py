"""Facts for the report and the model card: about the data and how the model was made, as earlier stages left them."""

import hashlib
import json
from collections.abc import Mapping
from pathlib import PurePath
from typing import Any, Final

import pandas as pd

from facegender.decision.classes import label_name
from facegender.files.image_names import argsort_names
from facegender.files.splits import held_out, trains, validates
from facegender.params.architectures import title_with_width

TRAINING_SECTIONS: Final = ("split", "backbone", "augment", "features", "train")
HASHED_AT_ONCE: Final = 4096  # rows turned into text and hashed together
LISTED: Final = 50  # entries of a list in the report; validation.json has the rest

NAMES: Final = {  # of the counts in validation.json; a count without a name is shown by its key
    "exact_groups": "Files that occur more than once",
    "exact_images": "Images that are such copies",
    "groups": "Groups of near-duplicates, copies included",
    "images": "Images in these groups",
    "largest_group": "Largest group",
    "contradictory_groups": "Groups with contradicting labels",
    "contradictory": "Groups with contradicting labels",
    "groups_in_train_and_test": "Groups with images in both train and test",
    "train_images_in_test": "Labelled images that recur in test",
    "in_train_and_test": "Groups in both train and test",
}

TextRows = list[tuple[str, str]]
TextList = tuple[str, list[str], int]  # title, lines, how many more there are


def data_hash(index: pd.DataFrame) -> str:
    """Hash every image's name, role, label and content hash, ordered by name (SHA-256): same data, same hash."""
    by_name = argsort_names(index["image"])
    rows = by_name[argsort_names(index["role"].iloc[by_name])]
    digest = hashlib.sha256()
    for start in range(0, len(rows), HASHED_AT_ONCE):
        part = index[["image", "role", "label", "sha256"]].iloc[rows[start : start + HASHED_AT_ONCE]]
        for row in part.itertuples(index=False):
            digest.update(("\t".join("" if pd.isna(cell) else str(cell) for cell in row) + "\n").encode())
    return digest.hexdigest()


def data_rows(facts: Mapping[str, Any], folds: pd.Series, roles: pd.Series) -> TextRows:
    """Count the data, as name and text; `folds` is of the labelled images, `roles` of all images."""
    by_class = ", ".join(f"{label_name(str(label))}: {n:,}" for label, n in facts["class_counts"].items())
    trained, validated, holdout = (int(part(folds).sum()) for part in (trains, validates, held_out))
    rows = [
        ("Labelled images", f"{int((roles == 'train').sum()):,}"),
        ("By label", by_class),
        ("Used for training", f"{trained:,}"),
        ("Used for validation", f"{validated:,}"),
        *([("Kept out of both (holdout)", f"{holdout:,}")] if holdout else []),
        ("Test images", f"{int((roles == 'test').sum()):,}"),
        ("Set aside (quarantine)", f"{len(facts['quarantined']):,}"),
    ]
    rows += [
        (key_as_words(name), value_as_text(value))
        for name, value in facts["duplicates"].items()
        if not isinstance(value, list)
    ]
    return rows


def data_lists(facts: Mapping[str, Any], suspects: pd.DataFrame | None = None) -> list[TextList]:
    """Make the lists to unfold: quarantine, each kind of duplicates, labels that look wrong, warnings; no empty one."""
    quarantined = [f"{entry['image']} ({entry['role']}): {entry['reason']}" for entry in facts["quarantined"]]
    lists = [title_list("Quarantine", quarantined)]
    for name, value in facts["duplicates"].items():
        if isinstance(value, list):
            lists.append(title_list(key_as_words(name), [_group_text(entry) for entry in value]))
    if suspects is not None:
        flagged = suspects[suspects["flagged"]]
        lines = [
            f"{row.image}: labelled {label_name(str(row.label))}, which has a probability of {row.probability:.1%}"
            for row in flagged.head(LISTED).itertuples()
        ]
        title, _, _ = title_list("Labels that look wrong", [""] * len(flagged))
        lists.append((title, lines, len(flagged) - len(lines)))
    lists.append(title_list("Warnings", [str(warning) for warning in facts["warnings"]]))
    return [entry for entry in lists if entry[1]]


def _group_text(group: Mapping[str, Any]) -> str:
    """Put a group of duplicates into a line: `near: a.jpg (train, class 1), b.jpg (test)`."""
    members = [
        f"{image['image']} ({image['role']}{'' if image['label'] is None else ', ' + label_name(image['label'])})"
        for image in group["images"]
    ]
    more = group["size"] - len(members)
    return f"{group['kind']}: {', '.join(members)}{f' and {more:,} more' if more else ''}"


def title_list(title: str, lines: list[str]) -> TextList:
    """Title a list with its length, and keep its first lines."""
    return (f"{title}: {len(lines):,}", lines[:LISTED], max(0, len(lines) - LISTED))


def provenance_rows(provenance: Mapping[str, Any], fingerprint: str) -> TextRows:
    """Say what made the model, as name and text."""
    backbone, weights = provenance["backbone"], provenance["weights"]
    parameters = provenance["parameters"]
    return [
        ("Data (SHA-256)", fingerprint),
        ("Backbone", f"{title_with_width(backbone['name'], backbone['alpha'])}, {backbone['image_size']} pixels"),
        ("Backbone weights", describe_weights(weights)),
        ("Trained", f"the head and {provenance['trained_layers']} backbone layers, {describe_cut(provenance['cut'])}"),
        ("Parameters", f"{parameters['trained']:,} trained of {parameters['all']:,}"),
        ("Versions", ", ".join(f"{name} {version}" for name, version in provenance["versions"].items())),
    ]


def describe_weights(weights: Mapping[str, str]) -> str:
    """Name the weights' origin and fingerprint; of a path only the file name: folders differ between machines."""
    source = {
        "imagenet": "ImageNet",
        "demo": "the demo's own, trained on drawn pictures",
        "none": "none: randomly initialised",
        "own": "those in the backbone's file",
    }.get(weights["source"], PurePath(weights["source"]).name)
    return f"{source} (fingerprint {weights['fingerprint']})"


def describe_cut(cut: str | None) -> str:
    """Say where the frozen part ends."""
    return "nothing frozen" if cut is None else f"frozen up to {cut}"


def training_params(provenance: Mapping[str, Any]) -> str:
    """Show the sections of params.yaml that shaped the model, as JSON."""
    sections = {name: provenance["params"][name] for name in TRAINING_SECTIONS if name in provenance["params"]}
    return json.dumps(sections, indent=2, ensure_ascii=False)


def key_as_words(name: str) -> str:
    """Name a key of validation.json in words."""
    return NAMES.get(name) or name.replace("_", " ").capitalize()


def value_as_text(value: object) -> str:
    """Show a JSON value as a line of text."""
    if isinstance(value, bool) or not isinstance(value, (int, list, dict)):
        return str(value)
    if isinstance(value, int):
        return f"{value:,}"
    if isinstance(value, dict):
        return ", ".join(f"{name}: {value_as_text(item)}" for name, item in value.items())
    return ", ".join(value_as_text(item) for item in value)
