"""The stage `evaluate`: score the validation rows' image files, and leave what a person and a machine can read of it.

Leaves in its folder: metrics.json (for `dvc metrics`), slices.json, predictions.parquet, report.html, model_card.md,
plots/*.svg, and for `dvc plots` plots/roc.json (false_positive_rate, true_positive_rate), plots/precision_recall.json
(recall, precision), plots/confusion.json (actual, predicted; a record a row, for DVC's confusion template) and
plots/reliability.json (probability, observed).
"""

import json
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import quote

import numpy as np
import pandas as pd

from facegender.atomic import atomic_folder
from facegender.classes import Classes, read_classes
from facegender.curves import precision_recall, reliability, roc
from facegender.describe import data_hash, data_lists, data_rows, made_rows, read_json, training_params
from facegender.errors import UserError
from facegender.figures import baseline, metrics_json, rows_of, slices_json
from facegender.gallery import choose, gallery
from facegender.layout import Layout
from facegender.metrics import confusion, measure
from facegender.params import Params
from facegender.plot_set import draw_plots
from facegender.report import Story, render_card, render_report
from facegender.slices import read_attributes, slice_by_attributes

VALIDATION_FOLD = 0


def evaluate(model: Path, data: Layout, index: Path, splits: Path, validation: Path, params: Params, out: Path) -> None:
    """Score the validation rows and write the evaluation folder.

    Parameters
    ----------
    model
        Folder with model.keras, classes.json, history.csv, provenance.json.
    index, splits, validation
        index.parquet, splits.parquet, validation.json.
    out
        The folder to write; it appears whole or not at all.

    Raises
    ------
    UserError
        No row is set apart for validation, or one of their images can no longer be read.
    """
    from facegender.scoring import score  # imports TensorFlow

    classes = read_classes(model)
    table = pd.read_parquet(splits)
    held = validation_rows(table, splits)
    scores = score(model, [data.images / name for name in held["image"]])
    refuse_unreadable(held["image"].tolist(), scores.reasons)
    predictions = predict_rows(held, scores.probabilities, classes, params.submit.threshold)
    made = Made(pd.read_csv(model / "history.csv"), read_json(model / "provenance.json"))
    found = Found(pd.read_parquet(index), table, read_json(validation))
    with atomic_folder(out) as folder:
        write_evaluation(folder, predictions, classes, made, found, params, data, os.path.relpath(data.images, out))


@dataclass(frozen=True)
class Made:
    """What train left of the model's making: history.csv and provenance.json."""

    history: pd.DataFrame
    provenance: dict[str, Any]


@dataclass(frozen=True)
class Found:
    """What validate and split found: index.parquet, splits.parquet and validation.json."""

    index: pd.DataFrame
    splits: pd.DataFrame
    facts: dict[str, Any]


def write_evaluation(
    folder: Path,
    predictions: pd.DataFrame,
    classes: Classes,
    made: Made,
    found: Found,
    params: Params,
    data: Layout,
    images_from_report: str,
) -> None:
    """Compute every figure of a predictions table and write all files of the folder."""
    settings, threshold = params.evaluate, params.submit.threshold
    rng = np.random.default_rng(settings.seed)
    rows = rows_of(predictions, classes)
    estimates = measure(rows, settings.calibration_bins, settings.bootstrap, rng)
    figures = metrics_json(estimates, confusion(rows), baseline(rows, classes), classes)
    tables = {
        "roc": roc(rows),
        "precision_recall": precision_recall(rows),
        "reliability": reliability(rows, settings.calibration_bins),
    }
    correct = rows.positive == rows.predicted
    attributes = read_attributes(data.data / params.data.attributes, found.facts["image_column"])
    slices = slice_by_attributes(predictions["image"], correct, attributes, settings.min_slice)
    drawn = draw_plots(rows, classes, tables, made.history, threshold)
    chosen = choose(rows, threshold, rng)
    shown = gallery(predictions, chosen, data.images)
    story = Story(
        classes=classes,
        metrics=figures,
        plots=drawn,
        slices=slices,
        gallery=shown,
        links={face.image: quote(f"{images_from_report}/{face.image}") for faces in shown.values() for face in faces},
        threshold=threshold,
        bins=settings.calibration_bins,
        resamples=settings.bootstrap,
        minimum=settings.min_slice,
        attributes_file=params.data.attributes,
        demo=bool(found.facts["demo"]),
        weights_source=made.provenance["weights"]["source"],
        chose_epoch=True,
        data_rows=data_rows(found.facts, found.splits, found.index),
        data_lists=data_lists(found.facts),
        made_rows=made_rows(made.provenance, data_hash(found.index)),
        made_params=training_params(made.provenance),
    )
    write_json(folder / "metrics.json", figures)
    write_json(folder / "slices.json", slices_json(slices))
    predictions.to_parquet(folder / "predictions.parquet", index=False)
    (folder / "report.html").write_text(render_report(story), encoding="utf-8")
    (folder / "model_card.md").write_text(render_card(story), encoding="utf-8")
    (folder / "plots").mkdir()
    for name, svg in drawn.items():
        (folder / "plots" / f"{name}.svg").write_text(svg, encoding="utf-8")
    tables["confusion"] = predictions[["label", "predicted"]].rename(columns={"label": "actual"})
    for name, records in tables.items():
        records.round(6).to_json(folder / "plots" / f"{name}.json", orient="records", indent=1)


def validation_rows(splits: pd.DataFrame, path: Path) -> pd.DataFrame:
    """The rows that training did not see, in the split's order."""
    held = splits[splits["fold"] == VALIDATION_FOLD].reset_index(drop=True)
    if held.empty:
        raise UserError(
            str(path), "at least one row must be set apart for validation (fold 0)", None, "Raise split.validation."
        )
    return held


def refuse_unreadable(images: list[str], reasons: list[str | None]) -> None:
    """Every validation image was decoded by `validate`; one that no longer can be has changed since."""
    for image, reason in zip(images, reasons, strict=True):
        if reason is not None:
            raise UserError(
                f"images/{image}",
                "a validation image must be as it was when `validate` read it",
                reason,
                "Restore the file, or run the pipeline again from `validate`.",
            )


def predict_rows(held: pd.DataFrame, probabilities: Any, classes: Classes, threshold: float) -> pd.DataFrame:
    """predictions.parquet: image, label, probability (of the positive class), predicted, fold, group."""
    positive = probabilities >= threshold
    return pd.DataFrame(
        {
            "image": held["image"],
            "label": held["label"],
            "probability": probabilities,
            "predicted": np.where(positive, classes.positive, classes.negative),
            "fold": held["fold"],
            "group": held["group"],
        }
    )


def write_json(path: Path, values: Any) -> None:
    """Indented, in the given order, ending in a line break."""
    path.write_text(json.dumps(values, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
