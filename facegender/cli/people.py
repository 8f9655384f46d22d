"""What people run by hand."""

from pathlib import Path
from typing import Annotated

import typer

from facegender.cli.options import ARTIFACTS, DATA, PARAMS, ArtifactsOption, DataOption, ParamsOption, width
from facegender.errors import UserError
from facegender.files.layout import Layout


def predict(
    model: Annotated[Path, typer.Argument(help="The folder that `train` left: artifacts/model.")],
    images: Annotated[list[Path], typer.Argument(help="Pictures, or folders of them.")],
    as_csv: Annotated[bool, typer.Option("--csv", help="Comma-separated values instead of a table.")] = False,
    abstain: Annotated[bool, typer.Option("--abstain", help="No class where the model had better not answer.")] = False,
) -> None:
    """Print the perceived class and its probability for single pictures or folders.

    Probabilities are calibrated, and the threshold chosen, as the evaluation beside the model's folder says.
    Ends with exit code 1 if a picture could not be read; the others are printed all the same.
    """
    from facegender.decision.decision import find_decision
    from facegender.scoring.predict import predict as run

    decision = find_decision(model)
    if abstain and decision is None:
        expected = "must have been evaluated before it can abstain"
        raise UserError(str(model), expected, None, "Run `facegender evaluate`.")
    found = run(model, images, decision)
    if abstain:
        found = [row._replace(label=None) if row.abstain else row for row in found]
    if as_csv:
        from facegender.scoring.predict import as_csv as write

        typer.echo(write(found), nl=False)
    else:
        from rich.console import Console

        from facegender.scoring.predict import as_rich

        Console(width=width()).print(as_rich(found))
    if any(row.reason is not None for row in found):
        raise typer.Exit(1)


def export(
    model: Annotated[Path, typer.Argument(help="The folder that `train` left, evaluated: artifacts/model.")],
    out: Annotated[Path, typer.Argument(help="The new folder.")],
) -> None:
    """Write the model with its calibration inside: a folder to hand on, whose own probabilities are calibrated."""
    from facegender.runtime.tensorflow_import import import_tensorflow

    import_tensorflow()
    from facegender.scoring.calibrated_model import export as write

    write(model, out)
    typer.echo(f"{out}: calibrated; threshold in {out / 'decision.json'}")


def review(
    params: ParamsOption = PARAMS,
    data: DataOption = DATA,
    artifacts: ArtifactsOption = ARTIFACTS,
    rows: Annotated[int, typer.Option(min=1, help="How many rows, the most suspect first.")] = 200,
    out: Annotated[Path | None, typer.Option(help="The page.", show_default="review.html in --artifacts")] = None,
) -> None:
    """Write a page of the rows whose labels look most wrong, on which a person keeps, flips or drops each.

    They are doubted by the networks of the cross-validation, where there is one, or else by a plainer model.
    The page saves label_overrides.csv, which belongs into the data folder; the next run of the pipeline follows it.
    """
    from facegender.params.reading import read_params
    from facegender.review.page import review as write

    layout = Layout(data, artifacts)
    page = out or layout.review
    shown = write(layout, read_params(params).evaluate, rows, page)
    size = page.stat().st_size / 1e6
    typer.echo(f"{page}: {shown} rows, {size:.1f} MB. Open it in a browser; put what it saves into {data}/.")


def compare(
    first: Annotated[Path, typer.Argument(help="Model A: the folder that `train` left, evaluated; or its evaluation.")],
    second: Annotated[Path, typer.Argument(help="Model B.")],
    params: ParamsOption = PARAMS,
    data: DataOption = DATA,
) -> None:
    """Say whether model B is worse than model A, on the rows that neither was trained on, overall and by attribute.

    Ends with exit code 0 if B is not worse by more than compare.margin, 1 if it is, 3 if these rows cannot tell.
    """
    from rich.console import Console

    from facegender.evaluation.compare import EXIT_CODES, as_rich, compare_models
    from facegender.params.reading import read_params

    values = read_params(params)
    whole, slices = compare_models(first, second, data / values.data.attributes, values.evaluate)
    Console(width=width()).print(as_rich(whole, slices, values.compare.margin))
    raise typer.Exit(EXIT_CODES[whole.verdict(values.compare.margin)])


def preset(
    name: Annotated[
        str | None, typer.Argument(help="One of the folder params/; or default; or the path of a .yaml file.")
    ] = None,
    params: ParamsOption = PARAMS,
) -> None:
    """Write a preset's values into params.yaml and say what changed; without a name, list the presets.

    A preset holds only what differs from the defaults; its file says what for. `default` goes back to them.
    `python -m flows.retrain --preset NAME` tries one as an experiment and leaves params.yaml alone.
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
        typer.echo(f"{params} has the values of {name} already.")
        return
    back = "" if name == DEFAULT else f" `facegender preset {DEFAULT}` goes back to the defaults,"
    typer.echo(f"Written to {params}.{back} `git diff {params}` shows the lines. Next: dvc repro, or make run.")


def search(
    params: ParamsOption = PARAMS,
    data: DataOption = DATA,
    artifacts: ArtifactsOption = ARTIFACTS,
    trials: Annotated[
        int | None, typer.Option(min=1, help="In all, earlier ones included.", show_default="search.trials")
    ] = None,
) -> None:
    """Look for better training parameters in search.space, on the cached features; leave the best as a preset.

    Hopeless trials are pruned. A killed search, started again, goes on: finished trials are kept, and the one under way
    resumes after its last epoch. Only figures are kept of a trial; `python -m flows.search` goes on with the same study
    and makes a DVC experiment of each of its trials, with model and report, which `dvc exp show` lists.
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
    Console(width=width()).print(as_rich(found, caution(found, values)))
    typer.echo(f"\n{to_adopt(found, layout)}")


def demo(
    out: Annotated[Path, typer.Option("--out", help="The folder to draw into.")] = DATA,
    images: Annotated[int, typer.Option(min=60, help="How many pictures.")] = 600,
    seed: Annotated[int, typer.Option(help="The same seed draws the same bytes.")] = 2026,
) -> None:
    """Draw a small data set with a few planted faults, for trying the plumbing."""
    from facegender.demo import draw

    draw(out, images, seed)


def doctor(params: ParamsOption = PARAMS, data: DataOption = DATA) -> None:
    """Say what this machine has of what the pipeline needs, and what to do about what it has not."""
    from rich.console import Console

    from facegender.cli.doctor import as_rich, examine

    findings = examine(params, data)
    Console(width=width()).print(as_rich(findings))
    if any(finding.level == "missing" for finding in findings):
        raise typer.Exit(1)
