"""The files of an evaluation, from judged rows and what earlier stages left."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final
from urllib.parse import quote

import numpy as np
import pandas as pd

from facegender.decision.classes import Classes
from facegender.decision.decision import Decision
from facegender.evaluation.against_champion import against_champion
from facegender.evaluation.figures import (
    abstention,
    baseline,
    frozen_accuracy,
    gaps_json,
    metrics_json,
    rows_of,
    slices_json,
    uncalibrated,
)
from facegender.evaluation.gradcam import Look
from facegender.evaluation.label_issues import write_suspects
from facegender.evaluation.leakage import find_copies, without_copies
from facegender.evaluation.override_effect import effect
from facegender.evaluation.report.contact_sheet import contact_sheet
from facegender.evaluation.report.facts import data_lists, data_rows, made_rows, training_params
from facegender.evaluation.report.gallery import choose, gallery, with_heat
from facegender.evaluation.report.plot_set import draw_plots
from facegender.evaluation.report.report import Story, render_card, render_report
from facegender.evaluation.slices import Cut, cross, cut_by, read_attributes
from facegender.files.json_files import write_json
from facegender.files.layout import Layout
from facegender.files.parquet import read, write
from facegender.files.splits import held_out
from facegender.params.architectures import title
from facegender.params.stage_params import EvaluateStageParams
from facegender.scoring.tta import describe_views
from facegender.statistics.curves import coverage_risk, precision_recall, reliability, roc
from facegender.statistics.metrics import Rows, confusion, measure

ROWS_AT_ONCE: Final = 4096  # of a list of records, as text


@dataclass(frozen=True)
class Made:
    """What train left of the model's making: history.csv and provenance.json."""

    history: pd.DataFrame
    provenance: dict[str, Any]


@dataclass(frozen=True)
class Found:
    """What there is beside the model: where index.parquet lies and the hash of its data, splits.parquet,
    validation.json, and where there are such things, the labels that look wrong (see `find_suspects`),
    label_overrides.csv and the champion's predictions by image.

    The index is read where it is wanted, some columns at a time: whole, it takes 200 bytes an image.
    """

    index: Path
    data_hash: str
    splits: pd.DataFrame
    facts: dict[str, Any]
    suspects: pd.DataFrame | None = None
    overrides: pd.DataFrame | None = None
    champion: pd.DataFrame | None = None


def write_evaluation(
    folder: Path,
    predictions: pd.DataFrame,
    decision: Decision,
    classes: Classes,
    made: Made,
    found: Found,
    traits: pd.DataFrame,
    params: EvaluateStageParams,
    data: Layout,
    images_from_report: str,
    look: Look | None = None,
) -> None:
    """Compute every figure of a predictions table and write all files of the folder.

    `traits` are those of the pictures, row by row (`read_traits`); `images_from_report` is the images' folder as a
    relative link; `look` says what the model goes by in some pictures, and without it the gallery shows them plain.
    """
    settings, threshold, bins = params.evaluate, decision.threshold, params.evaluate.calibration_bins
    rng = np.random.default_rng(settings.seed)
    rows, raw = rows_of(predictions, classes), rows_of(predictions, classes, "raw_probability")
    chose_epoch = not held_out(predictions["fold"]).any()
    figures = metrics_json(measure(rows, bins, settings.bootstrap, rng), confusion(rows), classes) | {
        "judged": "validation" if chose_epoch else "holdout",
        "baseline_accuracy": baseline(rows, classes).as_dict(),
        "threshold": threshold,
        "views": decision.views,
        "uncalibrated": uncalibrated(measure(raw, bins, settings.bootstrap, rng)),
        "abstention": abstention(predictions, decision),
    }
    figures |= beside(predictions, rows, found, classes, params, rng)
    tables = {
        "roc": roc(rows),
        "precision_recall": precision_recall(rows),
        "reliability": reliability(rows, bins),
        "reliability_raw": reliability(raw, bins),
        "coverage_risk": coverage_risk(rows, threshold),
    }
    cuts, picture_cuts = cut(predictions["image"], rows, found, traits, params, data, rng)
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
        sheet=contact_sheet(data.images, found.splits, found.index, made.provenance),
        decision=decision,
        asked_calibration=settings.calibration,
        rule=settings.threshold if isinstance(settings.threshold, str) else None,
        threshold_cost=settings.threshold_cost,
        bins=bins,
        resamples=settings.bootstrap,
        minimum=settings.min_slice,
        attributes_file=params.data.attributes,
        demo=bool(found.facts["demo"]),
        backbone=title(made.provenance["backbone"]["name"]),
        weights_source=made.provenance["weights"]["source"],
        chose_epoch=chose_epoch,
        data_rows=data_rows(found.facts, found.splits["fold"], read(found.index, ["role"])["role"]),
        data_lists=data_lists(found.facts, found.suspects),
        made_rows=[*made_rows(made.provenance, found.data_hash), ("Scored", describe_views(decision.views))],
        made_params=training_params(made.provenance),
    )
    write_json(folder / "metrics.json", figures)
    write_json(folder / "slices.json", slices_json([*cuts, *picture_cuts], classes))
    write_json(folder / "decision.json", decision.as_dict())
    write(folder / "predictions.parquet", predictions)
    if found.suspects is not None:
        write_suspects(folder / "suspects.csv", found.suspects)
    (folder / "report.html").write_text(render_report(story), encoding="utf-8")
    (folder / "model_card.md").write_text(render_card(story), encoding="utf-8")
    (folder / "plots").mkdir()
    for name, svg in drawn.items():
        (folder / "plots" / f"{name}.svg").write_text(svg, encoding="utf-8")
    tables["confusion"] = predictions[["label", "predicted"]].rename(columns={"label": "actual"})
    for name, records in tables.items():
        write_records(folder / "plots" / f"{name}.json", records)


def beside(
    predictions: pd.DataFrame,
    rows: Rows,
    found: Found,
    classes: Classes,
    params: EvaluateStageParams,
    rng: np.random.Generator,
) -> dict[str, Any]:
    """The figures that stand beside the model's own: without near-duplicates, of plainer and earlier models, by
    earlier labels, and how many labels look wrong; each where there is what it needs.
    """
    bins, resamples = params.evaluate.calibration_bins, params.evaluate.bootstrap
    in_test = read(found.index, ["group"], [("role", "==", "test")])["group"]
    copies = find_copies(predictions, found.splits, in_test)
    figures: dict[str, Any] = {"near_duplicates": without_copies(rows, copies, bins, resamples, rng)}
    if found.suspects is not None:
        figures["suspects"] = {"flagged": int(found.suspects["flagged"].sum()), "n": len(found.suspects)}
        frozen = frozen_accuracy(predictions, found.suspects)
        if frozen is not None:
            figures["frozen_accuracy"] = frozen.as_dict()
    if found.overrides is not None:
        figures["overrides"] = effect(predictions, found.overrides)
    if found.champion is not None:
        margin = params.compare.margin
        compared = against_champion(found.champion, predictions, classes, margin, resamples, rng)
        if compared is not None:
            figures["against_champion"] = compared
    return figures


def cut(
    images: pd.Series,
    rows: Rows,
    found: Found,
    traits: pd.DataFrame,
    params: EvaluateStageParams,
    data: Layout,
    rng: np.random.Generator,
) -> tuple[list[Cut], list[Cut]]:
    """Cut the rows by the user's attributes, and by what the pictures themselves tell."""
    settings = params.evaluate
    attributes = read_attributes(data.data / params.data.attributes, found.facts["image_column"])
    by_attributes: list[Cut] = []
    if attributes is not None:
        crossed = cross(attributes.reindex(images), settings.two_way, params.data.attributes)
        by_attributes = cut_by(crossed, rows, settings.min_slice, settings.bootstrap, rng)
    return by_attributes, cut_by(traits, rows, settings.min_slice, settings.bootstrap, rng)


def write_records(path: Path, table: pd.DataFrame) -> None:
    """A JSON list with an object for each row, some rows at a time: as text a row takes some hundred bytes."""
    with path.open("w", encoding="utf-8") as file:
        for start in range(0, max(1, len(table)), ROWS_AT_ONCE):
            part = table.iloc[start : start + ROWS_AT_ONCE].round(6).to_json(orient="records", indent=1)
            file.write((part if start == 0 else "," + part[1:])[:-2])
        file.write("\n]")
