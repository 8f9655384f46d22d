"""The `facegender` command: one sub-command a stage, and a few for people.

Every import of weight is inside a command, so that `facegender --help` answers at once.
"""

import gc
import logging
import os
import sys
from pathlib import Path
from typing import Annotated, Any

import typer
from typer.core import TyperGroup

from facegender import __version__, events
from facegender.errors import UserError, of_the_machine
from facegender.layout import Layout


class Sections(TyperGroup):
    """Lists the commands under their headings. As plain text: typer's own, with frames, takes 0.3 s to import."""

    def format_commands(self, ctx: Any, formatter: Any) -> None:
        """Called for the help text."""
        sections: dict[str, list[tuple[str, str]]] = {}
        for name, command in self.commands.items():
            heading = str(getattr(command, "rich_help_panel", None) or "Commands")
            sections.setdefault(heading, []).append((name, command.get_short_help_str(LONGEST)))
        for heading, rows in sections.items():
            with formatter.section(heading):
                formatter.write_dl(rows)


LONGEST = 200  # characters of a command's line of help, which may go on in a second one

app = typer.Typer(
    name="facegender",
    cls=Sections,
    rich_markup_mode=None,
    help="From a folder of face images and CSVs of labels to a perceived-gender classifier, its evaluation and a "
    "submission. The stages run in this order: validate, split, features, train, evaluate, submit; `dvc repro` and "
    "the Prefect flow run these very commands. Labels are gender as perceived by annotators.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)

ParamsOption = Annotated[Path, typer.Option("--params", help="The parameter file.")]
DataOption = Annotated[Path, typer.Option("--data", help="images/, train.csv, test.csv, sample_submission.csv.")]
ArtifactsOption = Annotated[Path, typer.Option("--artifacts", help="Where the stages leave and find their files.")]

PARAMS = Path("params.yaml")
DATA = Path("data")
ARTIFACTS = Path("artifacts")
PIPE_WIDTH = 160


def _show_version(asked: bool) -> None:
    if asked:
        typer.echo(f"facegender {__version__}")
        raise typer.Exit


@app.callback()
def root(
    version: Annotated[
        bool, typer.Option("--version", callback=_show_version, is_eager=True, help="Show the version.")
    ] = False,
) -> None:
    """Settings that hold for every command."""


@app.command(rich_help_panel="Stages")
def validate(params: ParamsOption = PARAMS, data: DataOption = DATA, artifacts: ArtifactsOption = ARTIFACTS) -> None:
    """Check every CSV row and decode every image; leave index.parquet and validation.json."""
    from facegender.params_reading import read_params
    from facegender.validate import validate as stage

    layout, values = Layout(data, artifacts), read_params(params)
    stage(layout, values.data, values.validation, layout.index, layout.validation)


@app.command(rich_help_panel="Stages")
def split(params: ParamsOption = PARAMS, data: DataOption = DATA, artifacts: ArtifactsOption = ARTIFACTS) -> None:
    """Set validation rows apart, by class, with no duplicates on two sides; leave splits.parquet."""
    from facegender.params_reading import read_params
    from facegender.split import split as stage

    layout, values = Layout(data, artifacts), read_params(params)
    stage(layout.index, values.split, layout.splits)


@app.command(rich_help_panel="Stages")
def features(params: ParamsOption = PARAMS, data: DataOption = DATA, artifacts: ArtifactsOption = ARTIFACTS) -> None:
    """Run the frozen part of the backbone once per image and view; leave features/."""
    from facegender.features import features as stage
    from facegender.params_reading import read_params
    from facegender.quiet import import_tensorflow

    import_tensorflow()
    stage(Layout(data, artifacts), read_params(params))


@app.command(rich_help_panel="Stages")
def train(params: ParamsOption = PARAMS, data: DataOption = DATA, artifacts: ArtifactsOption = ARTIFACTS) -> None:
    """Train the head, then the last layers; resume where a killed training stood; leave model/."""
    from facegender.params_reading import read_params
    from facegender.quiet import import_tensorflow

    import_tensorflow()
    from facegender.train import train as stage

    stage(Layout(data, artifacts), read_params(params))


@app.command(rich_help_panel="Stages")
def evaluate(params: ParamsOption = PARAMS, data: DataOption = DATA, artifacts: ArtifactsOption = ARTIFACTS) -> None:
    """Score the validation images with the saved model; leave metrics, plots and report.html in evaluation/."""
    from facegender.evaluate import evaluate as stage
    from facegender.params_reading import read_params

    layout, values = Layout(data, artifacts), read_params(params)
    stage(layout.model, layout, layout.index, layout.splits, layout.validation, values, layout.evaluation)


@app.command(rich_help_panel="Stages")
def submit(
    params: ParamsOption = PARAMS,
    data: DataOption = DATA,
    artifacts: ArtifactsOption = ARTIFACTS,
    model: Annotated[
        Path | None, typer.Option(help="Another model, evaluated.", show_default="model in --artifacts")
    ] = None,
) -> None:
    """Score the test images; leave submission.csv in the form of sample_submission.csv, beside the model's folder."""
    from facegender.params_reading import read_params
    from facegender.submit import submit as stage

    layout, values = Layout(data, artifacts), read_params(params)
    folder = model or layout.model
    beside = Layout(data, folder.resolve().parent) if model else layout
    stage(
        folder,
        beside.decision,
        layout,
        layout.index,
        layout.validation,
        values.submit,
        beside.submission,
        beside.predictions_test,
    )


@app.command(rich_help_panel="Cross-validation")
def fold_features(
    params: ParamsOption = PARAMS, data: DataOption = DATA, artifacts: ArtifactsOption = ARTIFACTS
) -> None:
    """Augment the validation rows too, which train in a cross-validation; leave fold_features/."""
    from facegender.params_reading import read_params
    from facegender.quiet import import_tensorflow

    import_tensorflow()
    from facegender.fold_features import fold_features as stage

    stage(Layout(data, artifacts), read_params(params))


@app.command(rich_help_panel="Cross-validation")
def train_folds(
    params: ParamsOption = PARAMS,
    data: DataOption = DATA,
    artifacts: ArtifactsOption = ARTIFACTS,
    fold: Annotated[int | None, typer.Option(min=0, help="Train this fold alone, and leave it for the rest.")] = None,
) -> None:
    """Train cross_validate.folds times, each validated on rows of its own; leave folds/.

    A killed run goes on with the folds that are missing.
    """
    from facegender.params_reading import read_params

    layout, values = Layout(data, artifacts), read_params(params)
    if fold is None:
        from facegender.train_folds import train_folds as stage

        options = ("--params", str(params), "--data", str(data), "--artifacts", str(artifacts))
        stage(layout, values, [sys.executable, "-m", "facegender", "train-folds", *options])
        return
    from facegender.cores import share_cores
    from facegender.quiet import import_tensorflow

    share_cores(values.cross_validate.processes)
    import_tensorflow()
    from facegender.fold_training import train_fold

    train_fold(layout, values, fold)


@app.command(rich_help_panel="Cross-validation")
def cross_validate(
    params: ParamsOption = PARAMS, data: DataOption = DATA, artifacts: ArtifactsOption = ARTIFACTS
) -> None:
    """Join the folds into one model, and judge every row by the fold that has not seen it; leave cross_validation/."""
    from facegender.params_reading import read_params
    from facegender.quiet import import_tensorflow

    import_tensorflow()
    from facegender.cross_validate import cross_validate as stage

    stage(Layout(data, artifacts), read_params(params))


@app.command(rich_help_panel="For people")
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
    from facegender.decision import decision_beside
    from facegender.predict import predict as run

    decision = decision_beside(model)
    if abstain and decision is None:
        expected = "must have been evaluated before it can abstain"
        raise UserError(str(model), expected, None, "Run `facegender evaluate`.")
    found = run(model, images, decision)
    if abstain:
        found = [row._replace(label=None) if row.abstain else row for row in found]
    if as_csv:
        from facegender.predict import as_csv as write

        typer.echo(write(found), nl=False)
    else:
        from rich.console import Console

        from facegender.predict import as_rich

        Console(width=_width()).print(as_rich(found))
    if any(row.reason is not None for row in found):
        raise typer.Exit(1)


@app.command(rich_help_panel="For people")
def export(
    model: Annotated[Path, typer.Argument(help="The folder that `train` left, evaluated: artifacts/model.")],
    out: Annotated[Path, typer.Argument(help="The new folder.")],
) -> None:
    """Write the model with its calibration inside: a folder to hand on, whose own probabilities are calibrated."""
    from facegender.quiet import import_tensorflow

    import_tensorflow()
    from facegender.calibrated_model import export as write

    write(model, out)
    typer.echo(f"{out}: calibrated; threshold in {out / 'decision.json'}")


@app.command(rich_help_panel="For people")
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
    from facegender.params_reading import read_params
    from facegender.review import review as write

    layout = Layout(data, artifacts)
    page = out or layout.review
    shown = write(layout, read_params(params).evaluate, rows, page)
    size = page.stat().st_size / 1e6
    typer.echo(f"{page}: {shown} rows, {size:.1f} MB. Open it in a browser; put what it saves into {data}/.")


@app.command(rich_help_panel="For people")
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

    from facegender.compare import EXIT_CODES, as_rich, compare_models
    from facegender.params_reading import read_params

    values = read_params(params)
    whole, slices = compare_models(first, second, data / values.data.attributes, values.evaluate)
    Console(width=_width()).print(as_rich(whole, slices, values.compare.margin))
    raise typer.Exit(EXIT_CODES[whole.verdict(values.compare.margin)])


@app.command(rich_help_panel="In production")
def promotion(
    champion: Annotated[Path, typer.Argument(help="The folder of the promoted model: artifacts/champion.")],
    params: ParamsOption = PARAMS,
    data: DataOption = DATA,
    artifacts: ArtifactsOption = ARTIFACTS,
) -> None:
    """Decide whether the new model may take the champion's place; leave promotion.json, with the figures.

    It may where it is not worse, on the rows that neither was trained on: in accuracy, in any slice, in calibration.
    `python -m flows.champion` acts upon it.
    """
    from facegender.atomic import atomic_file
    from facegender.compare import attributes_of, read_predictions
    from facegender.evaluation_folder import write_json
    from facegender.params_reading import read_params
    from facegender.promotion import judge_promotion
    from facegender.reference import with_hashes

    layout, values = Layout(data, artifacts), read_params(params)
    folders = (champion / "evaluation", layout.evaluation)
    held, new = (with_hashes(read_predictions(folder), folder) for folder in folders)
    attributes = attributes_of(new.index, data / values.data.attributes)
    record = judge_promotion(held, new, attributes, values.evaluate, values.promote, values.compare.margin)
    with atomic_file(layout.promotion) as file:
        write_json(file, record)
    typer.echo("It may be promoted." if record["promote"] else "\n".join(record["reasons"]))


@app.command(rich_help_panel="In production")
def score(
    date: Annotated[str, typer.Option(help="Names the folder below scores/ in --artifacts: 2026-11-24.")],
    params: ParamsOption = PARAMS,
    data: DataOption = DATA,
    artifacts: ArtifactsOption = ARTIFACTS,
    again: Annotated[bool, typer.Option("--again", help="Files whose content has been scored before, too.")] = False,
) -> None:
    """Score what is new in score.folder, or of test.csv, with the champion; compare it with its validation rows.

    Leaves a folder with predictions.parquet, drift.json and drift.svg; nothing where nothing is new.
    """
    from facegender.params_reading import read_params
    from facegender.production import score_new

    folder = score_new(Layout(data, artifacts), read_params(params), date, again)
    if folder is None:
        events.emit("note", message="Nothing is new.")
        typer.echo("Nothing is new.")
        return
    events.emit("note", message=f"{folder}")
    typer.echo(f"{folder}: predictions.parquet, drift.json, drift.svg")


@app.command(rich_help_panel="For people")
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
    from facegender.presets import DEFAULT, apply_preset, folder_beside, preset_names, read_preset

    if name is None:
        for known in preset_names(params):
            values = ", ".join(f"{key} {value}" for key, value in read_preset(known, params).items())
            typer.echo(f"{known}: {values} ({folder_beside(params) / known}.yaml)")
        return
    changed = apply_preset(name, params)
    for key, (before, after) in changed.items():
        typer.echo(f"{key}: {before} -> {after}")
    if not changed:
        typer.echo(f"{params} has the values of {name} already.")
        return
    back = "" if name == DEFAULT else f" `facegender preset {DEFAULT}` goes back to the defaults,"
    typer.echo(f"Written to {params}.{back} `git diff {params}` shows the lines. Next: dvc repro, or make run.")


@app.command(rich_help_panel="For people")
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

    from facegender.params_reading import read_params
    from facegender.quiet import import_tensorflow
    from facegender.search import Search
    from facegender.search_report import as_rich, caution, to_adopt, trials_of, write_best

    layout, values = Layout(data, artifacts), read_params(params)
    with Search(layout, values) as study:
        wanted = trials or values.search.trials
        if len(study.ended) < wanted:
            import_tensorflow()
            from facegender.search_trial import trainer

            study.run(wanted, trainer(layout, values, study.folder))
        found = trials_of(study)
    write_best(found, layout)
    Console(width=_width()).print(as_rich(found, caution(found, values)))
    typer.echo(f"\n{to_adopt(found, layout)}")


@app.command(rich_help_panel="For people")
def demo(
    out: Annotated[Path, typer.Option("--out", help="The folder to draw into.")] = DATA,
    images: Annotated[int, typer.Option(min=60, help="How many pictures.")] = 600,
    seed: Annotated[int, typer.Option(help="The same seed draws the same bytes.")] = 2026,
) -> None:
    """Draw a small data set with a few planted faults, for trying the plumbing."""
    from facegender.demo import draw

    draw(out, images, seed)


@app.command(rich_help_panel="For people")
def doctor(params: ParamsOption = PARAMS, data: DataOption = DATA) -> None:
    """Say what this machine has of what the pipeline needs, and what to do about what it has not."""
    from rich.console import Console

    from facegender.doctor import as_rich, examine

    findings = examine(params, data)
    Console(width=_width()).print(as_rich(findings))
    if any(finding.level == "missing" for finding in findings):
        raise typer.Exit(1)


def _width() -> int | None:
    # a pipe has no width of its own, and the default of 80 breaks paths
    return None if sys.stdout.isatty() else PIPE_WIDTH


def main() -> None:
    """Run a command; a user's mistake is one message and exit code 2, a bug keeps its traceback."""
    # Arrow's own allocator keeps what was freed: after the tables of 40,000 images 36 MB instead of 7
    os.environ.setdefault("ARROW_DEFAULT_MEMORY_POOL", "system")
    # pydantic would look through the metadata of everything installed for plugins, of which we want none
    os.environ.setdefault("PYDANTIC_DISABLE_PLUGINS", "__all__")
    logging.basicConfig(level=logging.INFO, format="%(message)s", stream=sys.stderr)
    try:
        app()
    except Exception as raised:
        error = raised if isinstance(raised, UserError) else of_the_machine(raised)
        if error is None:
            raise
        events.emit("error", message=str(error))
        typer.secho(f"Error: {error}", fg=typer.colors.RED, err=True)
        sys.exit(2)
    finally:
        # Python ends with a search for cycles in all that is left, which takes a quarter as long as the imports did
        gc.freeze()
