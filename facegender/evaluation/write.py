"""From judged rows to the files of an evaluation: figures, slices, plots, faces, report."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

import numpy as np
import pandas as pd

from facegender.evaluation.breakdowns import break_down_rows
from facegender.evaluation.comparisons import compare_figures
from facegender.evaluation.figures import (
    abstention_figures,
    baseline,
    calibration_figures,
    gaps_json,
    metrics_json,
    slices_json,
)
from facegender.evaluation.gradcam import Explainer
from facegender.evaluation.inputs import Evaluation
from facegender.evaluation.label_issues import write_suspects
from facegender.evaluation.predictions import judged_rows
from facegender.evaluation.report.gallery import Face, Kind, add_heat_maps, choose_faces, make_gallery
from facegender.evaluation.report.plot_set import draw_plots
from facegender.evaluation.report.report import render_card, render_report
from facegender.evaluation.report.story import Story, tell_story
from facegender.files.json_files import write_json
from facegender.files.layout import Layout
from facegender.files.parquet import write
from facegender.files.splits import held_out
from facegender.params.stage_params import EvaluateStageParams
from facegender.statistics.curves import coverage_risk, precision_recall, reliability, roc
from facegender.statistics.metrics import JudgedRows, confusion, measure

RECORDS_AT_ONCE: Final = 4096  # rows of a table made into text together


def write_evaluation(
    folder: Path, evaluation: Evaluation, layout: Layout, params: EvaluateStageParams, explain: Explainer | None = None
) -> None:
    """Compute every figure of an evaluation and write its files into `folder`.

    `explain` gives heat maps for the pictures of the gallery; without it they have none.
    """
    inputs, settings = evaluation.inputs, params.evaluate
    rng = np.random.default_rng(settings.seed)
    rows = judged_rows(evaluation.predictions, inputs.classes)
    figures = compute_figures(evaluation, rows, params, rng)
    breakdowns = break_down_rows(evaluation, rows, layout, params, rng)
    metrics = figures | {"slices": gaps_json(breakdowns.all)}
    curves = _compute_curves(evaluation, rows, settings.calibration_bins)
    plots = draw_plots(rows, inputs.classes, curves, inputs.history, evaluation.decision.threshold, _answered(metrics))
    faces = _make_gallery(evaluation, rows, layout.images, rng, explain)
    story = tell_story(evaluation, metrics, breakdowns, plots, faces, layout, params)
    _write_files(folder, evaluation, story, curves)


def compute_figures(
    evaluation: Evaluation, rows: JudgedRows, params: EvaluateStageParams, rng: np.random.Generator
) -> dict[str, Any]:
    """Compute metrics.json without the slices: the model's own figures, then those to compare them with."""
    predictions, decision, classes = evaluation.predictions, evaluation.decision, evaluation.inputs.classes
    settings, bins = params.evaluate, params.evaluate.calibration_bins
    raw = judged_rows(predictions, classes, "raw_probability")
    chose_epoch = not held_out(predictions["fold"]).any()
    figures = metrics_json(measure(rows, bins, settings.bootstrap, rng), confusion(rows), classes) | {
        "judged": "validation" if chose_epoch else "holdout",
        "baseline_accuracy": baseline(rows, classes).as_dict(),
        "threshold": decision.threshold,
        "views": decision.views,
        "uncalibrated": calibration_figures(measure(raw, bins, settings.bootstrap, rng)),
        "abstention": abstention_figures(predictions, decision),
    }
    return figures | compare_figures(evaluation, rows, params, rng)


def _answered(metrics: Mapping[str, Any]) -> tuple[float, float | None]:
    """Take the share of faces answered when abstaining, and the accuracy of those answers."""
    share = metrics["abstention"]
    return share["answered"]["value"], share["accuracy_where_answered"]["value"]


def _compute_curves(evaluation: Evaluation, rows: JudgedRows, bins: int) -> dict[str, pd.DataFrame]:
    """Compute the tables behind the plots; `dvc plots` draws them too."""
    raw = judged_rows(evaluation.predictions, evaluation.inputs.classes, "raw_probability")
    return {
        "roc": roc(rows),
        "precision_recall": precision_recall(rows),
        "reliability": reliability(rows, bins),
        "reliability_raw": reliability(raw, bins),
        "coverage_risk": coverage_risk(rows, evaluation.decision.threshold),
    }


def _make_gallery(
    evaluation: Evaluation, rows: JudgedRows, images: Path, rng: np.random.Generator, explain: Explainer | None
) -> dict[Kind, list[Face]]:
    chosen = choose_faces(rows, evaluation.decision.threshold, rng)
    shown = make_gallery(evaluation.predictions, chosen, images)
    return shown if explain is None else add_heat_maps(shown, explain, images, evaluation.inputs.classes.positive)


def _write_files(folder: Path, evaluation: Evaluation, story: Story, curves: dict[str, pd.DataFrame]) -> None:
    """Write every file but the reference for `score`, which the stage adds."""
    write_json(folder / "metrics.json", story.metrics)
    write_json(folder / "slices.json", slices_json(story.breakdowns.all, story.classes))
    write_json(folder / "decision.json", evaluation.decision.as_dict())
    write(folder / "predictions.parquet", evaluation.predictions)
    if evaluation.extras.suspects is not None:
        write_suspects(folder / "suspects.csv", evaluation.extras.suspects)
    (folder / "report.html").write_text(render_report(story), encoding="utf-8")
    (folder / "model_card.md").write_text(render_card(story), encoding="utf-8")
    plots = folder / "plots"
    plots.mkdir()
    for name, svg in story.plots.items():
        (plots / f"{name}.svg").write_text(svg, encoding="utf-8")
    for name, records in curves.items():
        write_records(plots / f"{name}.json", records)
    actual = evaluation.predictions[["label", "predicted"]].rename(columns={"label": "actual"})
    write_records(plots / "confusion.json", actual)


def write_records(path: Path, table: pd.DataFrame) -> None:
    """Write a JSON list with an object for each row, some rows at a time: the text takes a few hundred bytes a row."""
    with path.open("w", encoding="utf-8") as file:
        for start in range(0, max(1, len(table)), RECORDS_AT_ONCE):
            part = table.iloc[start : start + RECORDS_AT_ONCE].round(6).to_json(orient="records", indent=1)
            file.write((part if start == 0 else "," + part[1:])[:-2])
        file.write("\n]")
