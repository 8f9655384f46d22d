"""Break the judged rows down into slices: by the columns of attributes.csv, and by properties of the pictures."""

from dataclasses import dataclass

import numpy as np
import pandas as pd

from facegender.data.attributes import read_attributes
from facegender.decision.threshold import Slices, sliced_column
from facegender.errors import UserError
from facegender.evaluation.inputs import Evaluation, Inputs
from facegender.evaluation.slices import Breakdown, assign_slices, break_down, cross_columns
from facegender.files.layout import Layout
from facegender.params.stage_params import EvaluateStageParams
from facegender.statistics.metrics import JudgedRows


@dataclass(frozen=True)
class Breakdowns:
    """The judged rows broken down by each column of attributes.csv, and by each trait of the pictures."""

    by_attribute: list[Breakdown]
    by_trait: list[Breakdown]

    @property
    def all(self) -> list[Breakdown]:
        return [*self.by_attribute, *self.by_trait]


def slices_to_equalise(
    held: pd.DataFrame, layout: Layout, inputs: Inputs, params: EvaluateStageParams
) -> Slices | None:
    """Find the slices that the threshold's rule is to treat alike, for the `held` rows; None if it names no column.

    Raises
    ------
    UserError
        attributes.csv has no column of this name.
    """
    column = sliced_column(params.evaluate.threshold)
    if column is None:
        return None
    path = layout.data / params.data.attributes
    attributes = read_attributes(path, pd.Index(held["image"]), inputs.facts["image_column"])
    if attributes is None or column not in attributes.columns:
        columns = "no such file" if attributes is None else ", ".join(map(str, attributes.columns))
        expected = f"equal_error must name a column of {path.name}: {columns}"
        raise UserError("params.yaml, evaluate.threshold", expected, column)
    member = assign_slices(attributes[column].reset_index(drop=True), params.evaluate.min_slice)
    return Slices(member, params.evaluate.threshold_cost)


def break_down_rows(
    evaluation: Evaluation, rows: JudgedRows, layout: Layout, params: EvaluateStageParams, rng: np.random.Generator
) -> Breakdowns:
    """Break the rows down by the user's attributes, if there are some, and by the pictures' traits."""
    settings = params.evaluate
    images, image_column = pd.Index(evaluation.predictions["image"]), evaluation.inputs.facts["image_column"]
    attributes = read_attributes(layout.data / params.data.attributes, images, image_column)
    by_attribute: list[Breakdown] = []
    if attributes is not None:
        crossed = cross_columns(attributes, settings.two_way, params.data.attributes)
        by_attribute = break_down(crossed, rows, settings.min_slice, settings.bootstrap, rng)
    return Breakdowns(by_attribute, break_down(evaluation.traits, rows, settings.min_slice, settings.bootstrap, rng))
