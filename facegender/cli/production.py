"""Commands for a model in production, which the flows run."""

from dataclasses import replace
from pathlib import Path
from typing import Annotated

import typer

from facegender.cli.options import ARTIFACTS, DATA, PARAMS, ArtifactsOption, DataOption, ParamsOption
from facegender.files.layout import Layout
from facegender.runtime import events


def promotion(
    champion: Annotated[Path, typer.Argument(help="Folder of the promoted model, usually artifacts/champion.")],
    params: ParamsOption = PARAMS,
    data: DataOption = DATA,
    artifacts: ArtifactsOption = ARTIFACTS,
) -> None:
    """Decide whether the new model may replace the champion; write the decision and its figures to promotion.json.

    The new model must not be worse on the rows that neither was trained on: in accuracy, in any slice, in calibration.
    `python -m flows.champion` applies the decision.
    """
    from facegender.data.attributes import read_attributes
    from facegender.evaluation.predictions import read_evaluated
    from facegender.files.atomic import atomic_file
    from facegender.files.json_files import write_json
    from facegender.params.reading import read_params
    from facegender.production.promotion import judge_promotion
    from facegender.scoring.reference import add_hashes

    layout, values = Layout(data, artifacts), read_params(params)
    evaluated = {folder: read_evaluated(folder) for folder in (champion / "evaluation", layout.evaluation)}
    old, new = (replace(one, predictions=add_hashes(one.predictions, folder)) for folder, one in evaluated.items())
    attributes = read_attributes(data / values.data.attributes, new.predictions.index)
    record = judge_promotion(old, new, attributes, values.evaluate, values.promote, values.compare.margin)
    with atomic_file(layout.promotion) as file:
        write_json(file, record)
    typer.echo("The new model may be promoted." if record["promote"] else "\n".join(record["reasons"]))


def score(
    date: Annotated[
        str, typer.Option(help="Name of the new folder in scores/ in --artifacts, for example 2026-11-24.")
    ],
    params: ParamsOption = PARAMS,
    data: DataOption = DATA,
    artifacts: ArtifactsOption = ARTIFACTS,
    again: Annotated[
        bool, typer.Option("--again", help="Also score files whose content has been scored before.")
    ] = False,
) -> None:
    """Score the new pictures in score.folder, or of test.csv, with the champion; check whether they have drifted.

    They are compared with the champion's validation rows. Writes a folder with predictions.parquet, drift.json and
    drift.svg, or nothing if no picture is new.
    """
    from facegender.params.reading import read_params
    from facegender.production.score_new import score_new

    folder = score_new(Layout(data, artifacts), read_params(params), date, again)
    if folder is None:
        events.emit("note", message="Nothing is new.")
        typer.echo("Nothing is new.")
        return
    events.emit("note", message=f"{folder}")
    typer.echo(f"{folder}: predictions.parquet, drift.json, drift.svg")
