"""The files of an evaluation, from judged rows and what earlier stages left."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import quote

import numpy as np
import pandas as pd

from facegender.classes import Classes
from facegender.conformal import coverage_risk
from facegender.curves import precision_recall, reliability, roc
from facegender.decision import Decision
from facegender.describe import data_hash, data_lists, data_rows, made_rows, training_params
from facegender.figures import abstention, baseline, gaps_json, metrics_json, rows_of, slices_json, uncalibrated
from facegender.gallery import choose, gallery, with_heat
from facegender.gradcam import Look
from facegender.layout import Layout
from facegender.metrics import Rows, confusion, measure
from facegender.params import Params
from facegender.picture_traits import picture_traits
from facegender.plot_set import draw_plots
from facegender.report import Story, render_card, render_report
from facegender.slices import Cut, cross, cut_by, read_attributes


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
    decision: Decision,
    classes: Classes,
    made: Made,
    found: Found,
    params: Params,
    data: Layout,
    images_from_report: str,
    look: Look | None = None,
) -> None:
    """Compute every figure of a predictions table and write all files of the folder.

    `images_from_report` is the images' folder as a relative link; `look` says what the model goes by in some pictures,
    and without it the gallery shows them plain.
    """
    settings, threshold, bins = params.evaluate, decision.threshold, params.evaluate.calibration_bins
    rng = np.random.default_rng(settings.seed)
    rows, raw = rows_of(predictions, classes), rows_of(predictions, classes, "raw_probability")
    figures = metrics_json(measure(rows, bins, settings.bootstrap, rng), confusion(rows), classes) | {
        "baseline_accuracy": baseline(rows, classes).as_dict(),
        "threshold": threshold,
        "uncalibrated": uncalibrated(measure(raw, bins, settings.bootstrap, rng)),
        "abstention": abstention(predictions, decision),
    }
    tables = {
        "roc": roc(rows),
        "precision_recall": precision_recall(rows),
        "reliability": reliability(rows, bins),
        "reliability_raw": reliability(raw, bins),
        "coverage_risk": coverage_risk(rows, threshold),
    }
    cuts, picture_cuts = cut(predictions["image"], rows, found, params, data, rng)
    figures["slices"] = gaps_json([*cuts, *picture_cuts])
    share = figures["abstention"]
    answered = share["answered"]["value"], share["accuracy_where_answered"]["value"]
    drawn = draw_plots(rows, classes, tables, made.history, threshold, answered)
    chosen = choose(rows, threshold, rng)
    shown = gallery(predictions, chosen, data.images)
    if look is not None:
        shown = with_heat(shown, look, data.images, classes.positive)
    story = Story(
        classes=classes,
        metrics=figures,
        plots=drawn,
        cuts=cuts,
        picture_cuts=picture_cuts,
        gallery=shown,
        links={face.image: quote(f"{images_from_report}/{face.image}") for faces in shown.values() for face in faces},
        decision=decision,
        rule=settings.threshold if isinstance(settings.threshold, str) else None,
        bins=bins,
        resamples=settings.bootstrap,
        minimum=settings.min_slice,
        attributes_file=params.data.attributes,
        demo=bool(found.facts["demo"]),
        weights_source=made.provenance["weights"]["source"],
        chose_epoch=bool((predictions["fold"] == 0).all()),
        data_rows=data_rows(found.facts, found.splits, found.index),
        data_lists=data_lists(found.facts),
        made_rows=made_rows(made.provenance, data_hash(found.index)),
        made_params=training_params(made.provenance),
    )
    write_json(folder / "metrics.json", figures)
    write_json(folder / "slices.json", slices_json([*cuts, *picture_cuts], classes))
    write_json(folder / "decision.json", decision.as_dict())
    predictions.to_parquet(folder / "predictions.parquet", index=False)
    (folder / "report.html").write_text(render_report(story), encoding="utf-8")
    (folder / "model_card.md").write_text(render_card(story), encoding="utf-8")
    (folder / "plots").mkdir()
    for name, svg in drawn.items():
        (folder / "plots" / f"{name}.svg").write_text(svg, encoding="utf-8")
    tables["confusion"] = predictions[["label", "predicted"]].rename(columns={"label": "actual"})
    for name, records in tables.items():
        records.round(6).to_json(folder / "plots" / f"{name}.json", orient="records", indent=1)


def cut(
    images: pd.Series, rows: Rows, found: Found, params: Params, data: Layout, rng: np.random.Generator
) -> tuple[list[Cut], list[Cut]]:
    """Cut the rows by the user's attributes, and by what the pictures themselves tell."""
    settings = params.evaluate
    attributes = read_attributes(data.data / params.data.attributes, found.facts["image_column"])
    by_attributes: list[Cut] = []
    if attributes is not None:
        crossed = cross(attributes.reindex(images), settings.two_way, params.data.attributes)
        by_attributes = cut_by(crossed, rows, settings.min_slice, settings.bootstrap, rng)
    sizes = found.index.drop_duplicates("image").set_index("image").loc[images, ["width", "height"]].astype(int)
    traits = picture_traits([data.images / name for name in images], sizes["width"].tolist(), sizes["height"].tolist())
    return by_attributes, cut_by(traits, rows, settings.min_slice, settings.bootstrap, rng)


def write_json(path: Path, values: Any) -> None:
    """Indented, in the given order, ending in a line break."""
    path.write_text(json.dumps(values, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
