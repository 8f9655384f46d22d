"""Running one row of docs/choices.md by the project's own commands, and measuring it.

Rows share the validated data, the split and, where they are equal, the features: fewer views are taken over from
more. What a stage has measured is kept in the row's folder, so a killed row goes on behind its last finished stage; a
stage that was killed begins anew, for half of a time is none.
"""

import hashlib
import json
import os
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from benchmarks.child import python, run
from benchmarks.choice_rows import Row, named
from benchmarks.workspace import write_params
from facegender.features.store import FeatureStore
from facegender.files.layout import Layout
from facegender.params.reading import read_params
from facegender.params.writing import merge_changes

MEASURED = ("features", "train", "train_folds", "evaluate")
FEATURE_PARAMS = ("augment.", "backbone.", "features.", "split.", "train.fine_tune_layers", "train.mode")


@dataclass(frozen=True)
class Setting:
    """`changes` are parameters that differ from the defaults in every row; `base` is where data was validated."""

    base: Path
    work: Path
    changes: dict[str, Any]
    tell: Callable[[str], None]

    def folder(self, row: Row) -> Path:
        """A row's own."""
        return self.work / "rows" / row.slug

    def layout(self, row: Row) -> Layout:
        """Its files."""
        return Layout(self.base / "data", self.folder(row) / "artifacts")

    def stage(self, row: Row, *stage: str, command: str = "facegender") -> dict[str, Any]:
        """Run a stage of a row; a failure ends the benchmark."""
        files = self.layout(row)
        places = ("--params", self.folder(row) / "params.yaml", "--data", files.data, "--artifacts", files.artifacts)
        self.tell(f"  {row.name}: {stage[0]}")
        result = run(python(command, *stage, *places))
        if "failed" in result:
            raise SystemExit(f"{row.name}, {stage[0]}: {result['failed']}")
        return {name: result[name] for name in ("seconds", "cpu_seconds")}


def run_row(setting: Setting, row: Row) -> dict[str, Any]:
    """Features, training, evaluation: what each took, and what was reached."""
    prepare(setting, row)
    features = features_of(setting, row)
    training: dict[str, Any] = {"seconds": 0.0, "cpu_seconds": 0.0, "of": row.model_of}
    files = setting.layout(row)
    if row.model_of:
        giver = named(row.model_of)
        run_row(setting, giver)
        link_folder(setting.layout(giver).model, files.model)
    elif row.folds:
        training = measured(setting, row, "train_folds", lambda: train_folds(setting, row))
    else:
        training = measured(setting, row, "train", lambda: setting.stage(row, "train", command=row.command))
    evaluation = measured(setting, row, "evaluate", lambda: setting.stage(row, "evaluate"))
    metrics = json.loads((files.evaluation / "metrics.json").read_text(encoding="utf-8"))
    parts = {"features": features, "train": training, "evaluate": evaluation}
    return {**parts, "accuracy": metrics["accuracy"], "judged": metrics["judged"], **judged_rows(files)}


def prepare(setting: Setting, row: Row) -> None:
    """The row's parameters, and links to what all rows share; what was measured with other parameters is let go."""
    files, shared = setting.layout(row), Layout(setting.base / "data", setting.base / "artifacts")
    files.artifacts.mkdir(parents=True, exist_ok=True)
    own = setting.folder(row) / "params.yaml"
    write_params(own, merge_changes(setting.changes, row.changes))
    stand, noted = read_params(own).model_dump_json(), setting.folder(row) / "measured_with.txt"
    if not noted.exists() or noted.read_text(encoding="utf-8") != stand:
        for stage in MEASURED:
            (setting.folder(row) / f"{stage}.json").unlink(missing_ok=True)
        noted.write_text(stand, encoding="utf-8")
    for source, target in ((shared.index, files.index), (shared.validation, files.validation)):
        link(source, target)
    if any(name.startswith("split.") for name in row.changes):
        if not files.splits.exists():
            setting.stage(row, "split")
    else:
        link(shared.splits, files.splits)


def features_of(setting: Setting, row: Row) -> dict[str, Any]:
    """Make a row's features, from those of another where it names one.

    Gives seconds and cpu_seconds; `passes`, of the frozen part over a picture, here or there; and `of`, the row that
    they were computed for, where it was another, with what it took that one: `there`.
    """
    files = setting.layout(row)
    if row.features_of is None:
        took = measured(setting, row, "features", lambda: setting.stage(row, "features", command=row.command))
        return {**took, "passes": passes(files), "of": None, "there": None}
    giver = named(row.features_of)
    prepare(setting, giver)
    given = features_of(setting, giver)
    if feature_changes(row) == feature_changes(giver):
        link_folder(setting.layout(giver).features, files.features)
        own = {"seconds": 0.0, "cpu_seconds": 0.0}
    else:
        own = measured(setting, row, "features", lambda: take_over(setting, row, giver))
    there = given["there"] or {name: given[name] for name in ("seconds", "cpu_seconds", "passes")}
    return {**own, "passes": passes(files), "of": given["of"] or giver.name, "there": there}


def take_over(setting: Setting, row: Row, giver: Row) -> dict[str, Any]:
    """The stage `features` itself takes the views that are there, and leaves out those that are too many."""
    files = setting.layout(row)
    link_folder(setting.layout(giver).features, files.features)
    return setting.stage(row, "features", command=row.command)


def train_folds(setting: Setting, row: Row) -> dict[str, Any]:
    """The cross-validation's stages; its ensemble takes the place of the row's model."""
    took = [setting.stage(row, stage) for stage in ("fold-features", "train-folds", "cross-validate")]
    files = setting.layout(row)
    link_folder(files.cross_validation / "model", files.model)
    return {name: round(sum(each[name] for each in took), 3) for name in ("seconds", "cpu_seconds")}


def measured(setting: Setting, row: Row, stage: str, go: Callable[[], dict[str, Any]]) -> dict[str, Any]:
    """What a stage took, from the row's folder where it has ended before."""
    path = setting.folder(row) / f"{stage}.json"
    if not path.exists():
        shutil.rmtree(setting.layout(row).resume, ignore_errors=True)
        result = go()
        path.write_text(json.dumps(result) + "\n", encoding="utf-8")
    found: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    return found


def feature_changes(row: Row) -> dict[str, Any]:
    """What a row changes that its features depend on."""
    changed = {name: value for name, value in row.changes.items() if name.startswith(FEATURE_PARAMS)}
    return changed | {"command": row.command}


def passes(files: Layout) -> int:
    """Forward passes of the frozen part behind a features folder."""
    with FeatureStore(files.features) as store:
        augmented = int(store.rows["augmented"].sum())
        return len(store.rows) + augmented * (store.manifest.views - 1) if store.manifest.views else 0


def judged_rows(files: Layout) -> dict[str, str]:
    """`right`: 0 or 1 for each judged row, by name; `rows`: a hash of the names. For paired comparisons."""
    table = pd.read_parquet(files.evaluation / "predictions.parquet").sort_values("image", kind="stable")
    right = (table["predicted"] == table["label"]).astype(int).astype(str)
    names = hashlib.sha256("\n".join(table["image"]).encode()).hexdigest()[:16]
    return {"right": "".join(right), "rows": names}


def link_folder(source: Path, target: Path) -> None:
    """The same files under other names, for stages put new ones in the place of old ones and change none."""
    shutil.rmtree(target, ignore_errors=True)
    shutil.copytree(source, target, copy_function=os.link)


def link(source: Path, target: Path) -> None:
    """One file, likewise."""
    target.unlink(missing_ok=True)
    os.link(source, target)
