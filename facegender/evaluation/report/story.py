"""Everything that the report and the model card say about one evaluation."""

import os
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

from facegender.decision.classes import Classes
from facegender.decision.decision import Decision
from facegender.evaluation.breakdowns import Breakdowns
from facegender.evaluation.inputs import Evaluation
from facegender.evaluation.report.contact_sheet import ContactSheet, make_contact_sheet
from facegender.evaluation.report.facts import (
    TextList,
    TextRows,
    data_lists,
    data_rows,
    provenance_rows,
    training_params,
)
from facegender.evaluation.report.gallery import Face, Kind
from facegender.files.layout import Layout
from facegender.files.parquet import read
from facegender.params.architectures import title
from facegender.params.sections import EvaluateParams
from facegender.params.stage_params import EvaluateStageParams
from facegender.scoring.tta import describe_views


@dataclass(frozen=True)
class Story:
    """Everything that the report and the model card show.

    Attributes
    ----------
    metrics
        The content of metrics.json.
    plots
        SVG by name: confusion, histogram, roc, precision_recall, reliability, learning_loss, learning_accuracy.
    links
        From an image's name to its file, as a link relative to the report.
    sheet
        None if training used no augmentation.
    chose_epoch
        The reported rows also chose the epoch that was kept.
    """

    classes: Classes
    decision: Decision
    settings: EvaluateParams
    metrics: Mapping[str, Any]
    plots: Mapping[str, str]
    breakdowns: Breakdowns
    gallery: Mapping[Kind, list[Face]]
    links: Mapping[str, str]
    sheet: ContactSheet | None
    attributes_file: str
    demo: bool
    backbone: str
    weights_source: str
    chose_epoch: bool
    data_rows: TextRows
    data_lists: list[TextList]
    provenance_rows: TextRows
    training_params: str


def tell_story(
    evaluation: Evaluation,
    metrics: dict[str, Any],
    breakdowns: Breakdowns,
    plots: dict[str, str],
    gallery: dict[Kind, list[Face]],
    layout: Layout,
    params: EvaluateStageParams,
) -> Story:
    """Put together what was computed and what earlier stages left."""
    inputs, decision = evaluation.inputs, evaluation.decision
    made, folds = inputs.provenance, inputs.splits["fold"]
    images = os.path.relpath(layout.images, layout.evaluation)
    return Story(
        classes=inputs.classes,
        decision=decision,
        settings=params.evaluate,
        metrics=metrics,
        plots=plots,
        breakdowns=breakdowns,
        gallery=gallery,
        links={face.image: quote(f"{images}/{face.image}") for faces in gallery.values() for face in faces},
        sheet=make_contact_sheet(layout.images, inputs.splits, inputs.index, made),
        attributes_file=params.data.attributes,
        demo=bool(inputs.facts["demo"]),
        backbone=title(made["backbone"]["name"]),
        weights_source=made["weights"]["source"],
        chose_epoch=metrics["judged"] == "validation",
        data_rows=data_rows(inputs.facts, folds, read(inputs.index, ["role"])["role"]),
        data_lists=data_lists(inputs.facts, evaluation.extras.suspects),
        provenance_rows=[*provenance_rows(made, inputs.data_hash), ("Scored", describe_views(decision.views))],
        training_params=training_params(made),
    )
