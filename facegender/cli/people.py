"""Tools that people run by hand."""

from pathlib import Path
from typing import Annotated

import typer

from facegender.cli.options import ARTIFACTS, DATA, PARAMS, ArtifactsOption, DataOption, ParamsOption, output_width
from facegender.errors import UserError
from facegender.files.layout import Layout


def predict(
    model: Annotated[Path, typer.Argument(help="Model folder written by `train`, usually artifacts/model.")],
    images: Annotated[list[Path], typer.Argument(help="Pictures, or folders of pictures.")],
    as_csv: Annotated[bool, typer.Option("--csv", help="Print comma-separated values instead of a table.")] = False,
    abstain: Annotated[
        bool, typer.Option("--abstain", help="Print no class for a picture if the model should abstain.")
    ] = False,
) -> None:
    """Print the perceived class of pictures and its probability.

    Calibration and threshold are those of the model's evaluation.
    Exits with code 1 if a picture could not be read; the others are still printed.
    """
    from facegender.decision.decision import find_decision
    from facegender.scoring.predict import predict as run

    decision = find_decision(model)
    if abstain and decision is None:
        expected = "must have been evaluated before it can abstain"
        raise UserError(str(model), expected, None, "Run `facegender evaluate`.")
    predictions = run(model, images, decision)
    if abstain:
        predictions = [row._replace(label=None) if row.abstain else row for row in predictions]
    if as_csv:
        from facegender.scoring.predict import as_csv as write

        typer.echo(write(predictions), nl=False)
    else:
        from rich.console import Console

        from facegender.scoring.predict import as_rich

        Console(width=output_width()).print(as_rich(predictions))
    if any(row.reason is not None for row in predictions):
        raise typer.Exit(1)


def export(
    model: Annotated[Path, typer.Argument(help="Model folder that has been evaluated, usually artifacts/model.")],
    out: Annotated[Path, typer.Argument(help="New folder to write.")],
) -> None:
    """Export a model with its calibration inside the network, as a folder to hand on."""
    from facegender.runtime.tensorflow_import import import_tensorflow

    import_tensorflow()
    from facegender.scoring.calibrated_model import export as write

    write(model, out)
    typer.echo(f"{out}: calibrated model. Its threshold is in {out / 'decision.json'}.")


def review(
    params: ParamsOption = PARAMS,
    data: DataOption = DATA,
    artifacts: ArtifactsOption = ARTIFACTS,
    rows: Annotated[int, typer.Option(min=1, help="Number of rows, the most suspect first.")] = 200,
    out: Annotated[Path | None, typer.Option(help="File to write.", show_default="review.html in --artifacts")] = None,
) -> None:
    """Write a page with the rows whose labels look most wrong, on which a person keeps, flips or drops each.

    The labels are judged by the networks of the cross-validation or, without one, by a logistic regression.
    The page saves label_overrides.csv. Put it into the data folder; the next run of the pipeline applies it.
    """
    from facegender.params.reading import read_params
    from facegender.review.page import review as write

    layout = Layout(data, artifacts)
    page = out or layout.review
    shown = write(layout, read_params(params).evaluate, rows, page)
    size = page.stat().st_size / 1e6
    typer.echo(
        f"{page}: {shown} rows, {size:.1f} MB. Open it in a browser and put the file that it saves into {data}/."
    )


def compare(
    first: Annotated[
        Path, typer.Argument(help="Model A: a model folder that has been evaluated, or its evaluation folder.")
    ],
    second: Annotated[Path, typer.Argument(help="Model B.")],
    params: ParamsOption = PARAMS,
    data: DataOption = DATA,
) -> None:
    """Test whether model B is worse than model A, overall and by attribute, on the rows that neither was trained on.

    Exits with code 0 if B is not worse by more than compare.margin, 1 if it is, 3 if these rows cannot tell.
    """
    from rich.console import Console

    from facegender.evaluation.compare import EXIT_CODES, as_rich, compare_models
    from facegender.params.reading import read_params

    values = read_params(params)
    overall, slices = compare_models(first, second, data / values.data.attributes, values.evaluate)
    Console(width=output_width()).print(as_rich(overall, slices, values.compare.margin))
    raise typer.Exit(EXIT_CODES[overall.verdict(values.compare.margin)])


def preset(
    name: Annotated[
        str | None, typer.Argument(help="Name of a preset in params/, or default, or the path of a .yaml file.")
    ] = None,
    params: ParamsOption = PARAMS,
) -> None:
    """Write a preset's values into params.yaml and print the changes; without a name, list the presets.

    A preset holds only values that differ from the defaults; its file says what it is for. `default` restores the
    defaults. `python -m flows.retrain --preset NAME` tries a preset as an experiment and does not change params.yaml.
    """
    from facegender.params.presets import DEFAULT, apply_preset, preset_names, presets_folder, read_preset
    from facegender.params.writing import format_value

    if name is None:
        for known in preset_names(params):
            values = ", ".join(f"{key} {format_value(value)}" for key, value in read_preset(known, params).items())
            typer.echo(f"{known}: {values} ({presets_folder(params) / known}.yaml)")
        return
    changed = apply_preset(name, params)
    for key, (before, after) in changed.items():
        typer.echo(f"{key}: {format_value(before)} -> {format_value(after)}")
    if not changed:
        typer.echo(f"{params} already has the values of {name}.")
        return
    back = "" if name == DEFAULT else f" `facegender preset {DEFAULT}` restores the defaults,"
    typer.echo(f"Written to {params}.{back} `git diff {params}` shows the changes. Next: dvc repro, or make run.")


def search(
    params: ParamsOption = PARAMS,
    data: DataOption = DATA,
    artifacts: ArtifactsOption = ARTIFACTS,
    trials: Annotated[
        int | None,
        typer.Option(min=1, help="Total number of trials, including earlier ones.", show_default="search.trials"),
    ] = None,
) -> None:
    """Search for better training parameters within search.space, on the cached features; save the best as a preset.

    Unpromising trials are pruned. A killed search continues when it is started again: finished trials are kept, and the
    interrupted one resumes after its last epoch. Only the figures of a trial are kept. `python -m flows.search`
    continues the same study, but each of its trials becomes a DVC experiment with model and report (`dvc exp show`).
    """
    from rich.console import Console

    from facegender.params.reading import read_params
    from facegender.runtime.tensorflow_import import import_tensorflow
    from facegender.search.report import as_rich, caution, to_adopt, trials_of, write_best
    from facegender.search.study import Search

    layout, values = Layout(data, artifacts), read_params(params)
    with Search(layout, values) as study:
        wanted = trials or values.search.trials
        if len(study.ended) < wanted:
            import_tensorflow()
            from facegender.search.trial import trainer

            study.run(wanted, trainer(layout, values, study.folder))
        found = trials_of(study)
    write_best(found, layout)
    Console(width=output_width()).print(as_rich(found, caution(found, values)))
    typer.echo(f"\n{to_adopt(found, layout)}")


def demo(
    out: Annotated[Path, typer.Option("--out", help="Folder to draw into.")] = DATA,
    images: Annotated[int, typer.Option(min=60, help="Number of pictures.")] = 600,
    seed: Annotated[int, typer.Option(help="Random seed; the same seed draws identical files.")] = 2026,
) -> None:
    """Draw a small data set with a few deliberate faults, to try the pipeline."""
    from facegender.demo import draw

    draw(out, images, seed)


def doctor(params: ParamsOption = PARAMS, data: DataOption = DATA) -> None:
    """Check this machine's setup and suggest fixes.

    Exits with code 1 if something that a stage needs is missing.
    """
    from rich.console import Console

    from facegender.cli.doctor import as_rich, examine

    findings = examine(params, data)
    Console(width=output_width()).print(as_rich(findings))
    if any(finding.level == "missing" for finding in findings):
        raise typer.Exit(1)
