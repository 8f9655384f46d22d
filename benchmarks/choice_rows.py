"""The rows of docs/choices.md: what each changes of the defaults, and what it can take from another row.

In the order in which they run: what is cheap and decides most comes first.
"""

from dataclasses import dataclass, field
from pathlib import Path

from pydantic import JsonValue

from facegender.params.presets import read_preset

Changes = dict[str, JsonValue]


@dataclass(frozen=True)
class Row:
    """One training, or another way to use one.

    Attributes
    ----------
    differs
        What it does otherwise than its baseline, in words.
    features_of
        A row whose features it takes over; those that are missing are computed.
    model_of
        A row whose model it evaluates, where it trains none.
    against
        The row that it is compared with.
    command
        The module that stands for the `facegender` command.
    folds
        Whether it joins the folds of a cross-validation into one model.
    """

    name: str
    differs: str
    changes: Changes = field(default_factory=dict)
    features_of: str | None = None
    model_of: str | None = None
    against: str = "default"
    command: str = "facegender"
    folds: bool = False

    @property
    def slug(self) -> str:
        """For files."""
        return self.name.replace(",", "").replace(" ", "-").replace("/", "-")


HOLDOUT: Changes = {"split.holdout": 0.2}


def preset(name: str) -> Changes:
    """What params/NAME.yaml changes."""
    return read_preset(name, Path(__file__).parent.parent / "params.yaml")


ROWS = (
    Row("default", "nothing", features_of="views 8"),
    Row("depth 0", "nothing of the backbone trains", {"train.fine_tune_layers": 0}),
    Row("tta 2", "also scored mirrored", {"scoring.tta": 2}, "default", "default"),
    Row("tta 4", "also scored 10% closer, each mirrored", {"scoring.tta": 4}, "default", "default"),
    Row("layer decay 0.8", "deeper blocks learn slower", {"train.layer_decay": 0.8}, "default"),
    Row("no ema", "the weights count as they are, not their moving average", {"train.ema": 0}, "default"),
    Row("no mirror", "features are not mirrored", {"train.mirror": False}, "default"),
    Row("mixup 0.2", "rows blended in pairs", {"train.mixup": 0.2}, "default"),
    Row("head phase", "two epochs of the head alone before", {"train.head_epochs": 2}, "default"),
    Row("batch norm training", "BatchNorm follows the batches", {"train.batch_norm": "training"}, "default"),
    Row("views 1", "the picture as it is", {"features.views": 1}, "views 8"),
    Row("views 4", "and three augmentations", {"features.views": 4}, "views 8"),
    Row("views 8", "and seven augmentations", {"features.views": 8}),
    Row("scaling 1/255", "pixels from 0 to 1, not from -1 to 1", command="benchmarks.scaled_by_255"),
    Row("augment none", "no augmentation, hence one view", {"augment.policy": "none"}),
    Row("augment flip", "mirrored only, which makes two views at most", {"augment.policy": "flip"}),
    Row("augment strong", "wider ranges, and patches of noise", {"augment.policy": "strong"}),
    Row("depth 64", "64 layers train, behind `block_9_add`", {"train.fine_tune_layers": 64}),
    Row("preset quick", "`params/quick.yaml`", preset("quick"), "views 8"),
    Row("preset accurate", "`params/accurate.yaml`", preset("accurate")),
    Row("one model, holdout", "a fifth of the rows kept out, and judged by", HOLDOUT, against="one model, holdout"),
    Row(
        "fold ensemble, holdout",
        "the folds of a cross-validation as one model, same holdout",
        HOLDOUT,
        "one model, holdout",
        against="one model, holdout",
        folds=True,
    ),
    Row(
        "depth all",
        "the whole backbone trains, the deeper the slower, from images (online mode)",
        {"train.fine_tune_layers": "all", "train.mode": "online", "train.layer_decay": 0.8},
    ),
)
NAMES = tuple(row.name for row in ROWS)


@dataclass(frozen=True)
class Choice:
    """A default that rows of the table speak for or against; `fixed`: the user's specification has decided it."""

    parameter: str
    value: str
    rows: tuple[str, ...]
    baseline: str = "default"
    fixed: bool = False


CHOICES = (
    Choice("`train.fine_tune_layers`", "30", ("depth 0", "depth 64", "depth all"), fixed=True),
    Choice("`features.views`", "2", ("views 1", "views 4", "views 8")),
    Choice("`augment.policy`", "standard", ("augment none", "augment flip", "augment strong")),
    Choice("`train.batch_norm`", "inference", ("batch norm training",)),
    Choice("scaling inside the model", "[-1, 1]", ("scaling 1/255",)),
    Choice("`scoring.tta`", "1", ("tta 2", "tta 4")),
    Choice("`train.layer_decay`", "1", ("layer decay 0.8",)),
    Choice("`train.ema`", "0.98", ("no ema",)),
    Choice("`train.mirror`", "true", ("no mirror",)),
    Choice("`train.mixup`", "0", ("mixup 0.2",)),
    Choice("`train.head_epochs`", "0", ("head phase",)),
    Choice("one model or a fold ensemble", "one model", ("fold ensemble, holdout",), "one model, holdout"),
)


def named(name: str) -> Row:
    """The row of a name."""
    return ROWS[NAMES.index(name)]
