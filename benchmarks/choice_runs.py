"""Run and measure one variant of docs/choices.md with the project's own commands.

Variants share the validated data, the split and, if they are equal, the features: fewer views are taken over from more.
Each stage's times are kept in the variant's folder, so a killed variant resumes after its last finished stage. A stage
that was killed starts again, because part of its time is useless.
"""

import hashlib
import os
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from benchmarks.child import Log, module_command, require_success, run_child
from benchmarks.choice_variants import Variant, find_variant
from benchmarks.json_file import read_json, write_json
from benchmarks.setting import Sections
from benchmarks.workspace import write_changed_params
from facegender.features.store import FeatureStore
from facegender.files.layout import Layout
from facegender.params.reading import read_params
from facegender.params.writing import merge_changes

MEASURED_STAGES = ("features", "train", "train_folds", "evaluate")
FEATURE_PARAMS = ("augment.", "backbone.", "features.", "split.", "train.fine_tune_layers", "train.mode")
NO_TIME = {"seconds": 0.0, "cpu_seconds": 0.0}


@dataclass(frozen=True)
class VariantFolders:
    """The variants' folders, and how to run a stage in them.

    Attributes
    ----------
    base
        The workspace in which the data was validated and split.
    work
        The folder that holds the variants' folders.
    changes
        Parameters that differ from the defaults in every variant.
    log
        Receives progress messages.
    """

    base: Path
    work: Path
    changes: Sections
    log: Log

    def folder(self, variant: Variant) -> Path:
        """The variant's own folder."""
        return self.work / "rows" / variant.slug

    def layout(self, variant: Variant) -> Layout:
        """The variant's files."""
        return Layout(self.base / "data", self.folder(variant) / "artifacts")

    def run_stage(self, variant: Variant, stage: str, command: str = "facegender") -> dict[str, Any]:
        """Run a stage of a variant and return its times; end the benchmark if it fails."""
        files = self.layout(variant)
        params = self.folder(variant) / "params.yaml"
        self.log(f"  {variant.name}: {stage}")
        options = ("--params", params, "--data", files.data, "--artifacts", files.artifacts)
        result = require_success(run_child(module_command(command, stage, *options)), f"{variant.name}, {stage}")
        return {name: result[name] for name in NO_TIME}


def run_variant(folders: VariantFolders, variant: Variant) -> dict[str, Any]:
    """Compute features, train, evaluate; return the time of each and the accuracy."""
    prepare_variant(folders, variant)
    features = make_features(folders, variant)
    training: dict[str, Any] = {**NO_TIME, "of": variant.model_of}
    files = folders.layout(variant)
    if variant.model_of:
        source = find_variant(variant.model_of)
        run_variant(folders, source)
        link_folder(folders.layout(source).model, files.model)
    elif variant.folds:
        training = measure_once(folders, variant, "train_folds", lambda: train_folds(folders, variant))
    else:
        training = measure_once(folders, variant, "train", lambda: folders.run_stage(variant, "train", variant.command))
    evaluation = measure_once(folders, variant, "evaluate", lambda: folders.run_stage(variant, "evaluate"))
    metrics = read_json(files.evaluation / "metrics.json")
    times = {"features": features, "train": training, "evaluate": evaluation}
    return {**times, "accuracy": metrics["accuracy"], "judged": metrics["judged"], **list_right_rows(files)}


def prepare_variant(folders: VariantFolders, variant: Variant) -> None:
    """Write the variant's parameters, discard times measured with others, and link what all variants share."""
    files, shared = folders.layout(variant), Layout(folders.base / "data", folders.base / "artifacts")
    files.artifacts.mkdir(parents=True, exist_ok=True)
    own = folders.folder(variant) / "params.yaml"
    write_changed_params(own, merge_changes(folders.changes, variant.changes))
    params, measured_with = read_params(own).model_dump_json(), folders.folder(variant) / "measured_with.txt"
    if not measured_with.exists() or measured_with.read_text(encoding="utf-8") != params:
        for stage in MEASURED_STAGES:
            (folders.folder(variant) / f"{stage}.json").unlink(missing_ok=True)
        measured_with.write_text(params, encoding="utf-8")
    for source, target in ((shared.index, files.index), (shared.validation, files.validation)):
        link_file(source, target)
    if any(name.startswith("split.") for name in variant.changes):
        if not files.splits.exists():
            folders.run_stage(variant, "split")
    else:
        link_file(shared.splits, files.splits)


def make_features(folders: VariantFolders, variant: Variant) -> dict[str, Any]:
    """Compute a variant's features, or take them over from the variant that it names.

    Returns `seconds`, `cpu_seconds` and `passes`, the forward passes of the frozen part behind these features. If they
    were taken over, `of` names the variant that computed them, and `there` holds its seconds, cpu_seconds and passes.
    """
    files = folders.layout(variant)

    def run_features() -> dict[str, Any]:
        return folders.run_stage(variant, "features", variant.command)

    if variant.features_of is None:
        took = measure_once(folders, variant, "features", run_features)
        return {**took, "passes": count_passes(files), "of": None, "there": None}
    source = find_variant(variant.features_of)
    prepare_variant(folders, source)
    given = make_features(folders, source)

    def take_over() -> dict[str, Any]:
        # the stage itself keeps the views that are there, and drops those that are too many
        link_folder(folders.layout(source).features, files.features)
        return run_features()

    if select_feature_changes(variant) == select_feature_changes(source):
        link_folder(folders.layout(source).features, files.features)
        own: dict[str, Any] = NO_TIME
    else:
        own = measure_once(folders, variant, "features", take_over)
    there = given["there"] or {name: given[name] for name in ("seconds", "cpu_seconds", "passes")}
    return {**own, "passes": count_passes(files), "of": given["of"] or source.name, "there": there}


def train_folds(folders: VariantFolders, variant: Variant) -> dict[str, Any]:
    """Run the stages of a cross-validation, and make its ensemble the variant's model."""
    times = [folders.run_stage(variant, stage) for stage in ("fold-features", "train-folds", "cross-validate")]
    files = folders.layout(variant)
    link_folder(files.cross_validation / "model", files.model)
    return {name: round(sum(took[name] for took in times), 3) for name in NO_TIME}


def measure_once(
    folders: VariantFolders, variant: Variant, stage: str, run: Callable[[], dict[str, Any]]
) -> dict[str, Any]:
    """Run a stage and keep its times in the variant's folder; return kept times if it has finished before."""
    path = folders.folder(variant) / f"{stage}.json"
    if not path.exists():
        shutil.rmtree(folders.layout(variant).resume, ignore_errors=True)
        write_json(path, run())
    return read_json(path)


def select_feature_changes(variant: Variant) -> dict[str, Any]:
    """Return what a variant changes that its features depend on."""
    changed = {name: value for name, value in variant.changes.items() if name.startswith(FEATURE_PARAMS)}
    return changed | {"command": variant.command}


def count_passes(files: Layout) -> int:
    """Count the forward passes of the frozen part behind a features folder."""
    with FeatureStore(files.features) as store:
        augmented = int(store.rows["augmented"].sum())
        return len(store.rows) + augmented * (store.manifest.views - 1) if store.manifest.views else 0


def list_right_rows(files: Layout) -> dict[str, str]:
    """Return, for paired comparisons, `right`, 0 or 1 for each row by name, and `rows`, a hash of the names."""
    table = pd.read_parquet(files.evaluation / "predictions.parquet").sort_values("image", kind="stable")
    right = (table["predicted"] == table["label"]).astype(int).astype(str)
    names = hashlib.sha256("\n".join(table["image"]).encode()).hexdigest()[:16]
    return {"right": "".join(right), "rows": names}


def link_folder(source: Path, target: Path) -> None:
    """Hard-link a folder's files; this is safe because stages replace files and never change them."""
    shutil.rmtree(target, ignore_errors=True)
    shutil.copytree(source, target, copy_function=os.link)


def link_file(source: Path, target: Path) -> None:
    """Hard-link one file in the same way."""
    target.unlink(missing_ok=True)
    os.link(source, target)
