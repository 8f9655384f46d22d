"""The result of a search: a table of its trials, and the best one's parameters as a preset."""

from dataclasses import dataclass
from typing import Any

import yaml
from optuna.trial import FrozenTrial, TrialState
from pydantic import JsonValue

from facegender.files.atomic import atomic_file
from facegender.files.layout import Layout
from facegender.params.sections import Params
from facegender.params.writing import unflatten
from facegender.search.study import Search, describe_other_code
from facegender.statistics.intervals import Estimate, wilson

SET_HOLDOUT = "Set split.holdout: evaluate then reports on rows that chose no parameters"


@dataclass(frozen=True)
class Trial:
    """One trial, as the report shows it.

    Attributes
    ----------
    accuracy
        Validation accuracy of the epoch that training keeps; undefined for a pruned trial.
    epochs, kept
        How many epochs of fine-tuning ran, and which one was kept.
    other_code
        Whether the training code has changed since.
    """

    number: int
    state: str
    accuracy: Estimate
    epochs: int
    kept: int | None
    seconds: float
    changes: dict[str, JsonValue]
    experiment: str | None
    other_code: bool

    def format_cells(self) -> list[str]:
        """Return the cells of the table, without the parameters."""
        kept = "" if self.kept is None else f"{self.kept} of "
        shown = "" if self.accuracy.value is None else format_accuracy(self.accuracy)
        return [str(self.number), self.state, shown, f"{kept}{self.epochs}", f"{self.seconds:,.0f}"]


def trials_of(search: Search) -> list[Trial]:
    """List the finished and pruned trials, the most accurate first, the pruned ones last."""
    others = search.from_other_code
    found = [_summarise(trial, search.rows, trial.number in others) for trial in search.ended]
    return sorted(found, key=lambda trial: (-(trial.accuracy.value or 0.0), trial.number))


def _summarise(trial: FrozenTrial, rows: int, other_code: bool) -> Trial:
    finished = trial.state is TrialState.COMPLETE and trial.value is not None
    accuracy = wilson(round((trial.value or 0.0) * rows), rows) if finished else Estimate(None, None, None, rows)
    attributes, duration = trial.user_attrs, trial.duration
    return Trial(
        trial.number,
        "finished" if finished else "pruned",
        accuracy,
        attributes.get("epochs", 0),
        attributes.get("kept"),
        duration.total_seconds() if duration else 0.0,
        attributes["changes"],
        attributes.get("experiment"),
        other_code,
    )


def format_accuracy(accuracy: Estimate) -> str:
    """Format an accuracy with its interval: "0.861 (0.840 to 0.880)"."""
    return f"{accuracy.value:.3f} ({accuracy.low:.3f} to {accuracy.high:.3f})"


def as_rich(trials: list[Trial], caption: str) -> Any:
    """Make the table for a terminal, with 95% intervals."""
    from rich.table import Table

    shown = Table(title=f"Validation accuracy, n = {trials[0].accuracy.n:,}, 95% interval", caption=caption)
    names = list(trials[0].changes)
    experiments = any(trial.experiment for trial in trials)
    for name in ("trial", "state", "accuracy", "epochs", "seconds", *(name.partition(".")[2] for name in names)):
        shown.add_column(name, justify="left" if name in ("state", "accuracy") else "right")
    if experiments:
        shown.add_column("experiment", overflow="fold")
    for trial in trials:
        last = [trial.experiment or ""] if experiments else []
        shown.add_row(*trial.format_cells(), *(str(trial.changes[name]) for name in names), *last)
    return shown


def as_records(trials: list[Trial]) -> list[dict[str, Any]]:
    """Make the table for the Prefect UI."""
    head = ("trial", "state", "accuracy (95% interval)", "epochs", "seconds")
    return [
        {**dict(zip(head, trial.format_cells(), strict=True)), **trial.changes, "experiment": trial.experiment or ""}
        for trial in trials
    ]


def caution(trials: list[Trial], params: Params) -> str:
    """Say why the best trial's accuracy is optimistic, and how to get an honest figure."""
    best, *others = [trial for trial in trials if trial.state == "finished"]
    low = best.accuracy.low or 0.0
    near = sum((trial.accuracy.value or 0.0) >= low for trial in others)
    which = f"{near} of the other {len(others)} finished trials lie within its interval." if others else ""
    changed = sorted(trial.number for trial in trials if trial.other_code)
    warning = f"The code has changed since: {describe_other_code(changed)}. " if changed else ""
    remedy = (
        "evaluate reports on the holdout, which chose no parameters." if params.split.holdout else f"{SET_HOLDOUT}."
    )
    return (
        f"The best trial's accuracy is optimistic: it was chosen among {len(trials)} trials on the rows that measure "
        f"it. {which} {warning}{remedy} Labels are gender as perceived by annotators."
    )


def write_best(trials: list[Trial], layout: Layout) -> dict[str, JsonValue]:
    """Write the best trial's parameters as a preset, and return them by name."""
    best = trials[0]
    accuracy = format_accuracy(best.accuracy)
    lines = [
        "# The best parameters of the last search. `facegender preset` with this file's path adopts them.",
        f"# Validation accuracy {accuracy}, n = {best.accuracy.n:,}: optimistic, because it was chosen among",
        f"# {len(trials)} trials on the same rows. Labels are gender as perceived by annotators.",
        "",
        yaml.safe_dump(unflatten(best.changes), sort_keys=False),
    ]
    with atomic_file(layout.search) as file:
        file.write_text("\n".join(lines), encoding="utf-8")
    return best.changes


def to_adopt(trials: list[Trial], layout: Layout) -> str:
    """Say how to adopt the best trial: its lines of params.yaml, and the commands that write them."""
    best = trials[0]
    lines = yaml.safe_dump(unflatten(best.changes), sort_keys=False)
    commands = [f"    facegender preset {layout.search}    # writes them into params.yaml; then dvc repro, or make run"]
    if best.experiment:
        commands.append(f"    dvc exp apply {best.experiment}    # the same, with this trial's model and report")
    return "\n".join(
        [f"To adopt trial {best.number}:", "", *(f"    {line}" for line in lines.splitlines()), "", *commands]
    )
