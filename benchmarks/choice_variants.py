"""The variants of docs/choices.md: what each changes of the defaults, and what it can take over from another variant.

They stand in the order in which they run: what is cheap and decides most comes first.
"""

from dataclasses import dataclass, field
from pathlib import Path

from pydantic import JsonValue

from facegender.params.presets import read_preset

Changes = dict[str, JsonValue]


@dataclass(frozen=True)
class Variant:
    """One training with some parameters changed, or another way to use a trained model.

    Attributes
    ----------
    name
        Its name in the table and on the command line.
    differs
        How it differs from its baseline, in words.
    changes
        Parameters that differ from the defaults, by dotted name.
    features_of
        The variant whose features it takes over; only missing ones are computed.
    model_of
        The variant whose model it evaluates instead of training one.
    baseline
        The variant that it is compared with.
    command
        The module to run instead of the `facegender` command.
    folds
        Whether it joins the fold models of a cross-validation into one model.
    """

    name: str
    differs: str
    changes: Changes = field(default_factory=dict)
    features_of: str | None = None
    model_of: str | None = None
    baseline: str = "default"
    command: str = "facegender"
    folds: bool = False

    @property
    def slug(self) -> str:
        """The name as part of a file's name."""
        return self.name.replace(",", "").replace(" ", "-").replace("/", "-")


HOLDOUT: Changes = {"split.holdout": 0.2}


def load_preset(name: str) -> Changes:
    """Return what params/NAME.yaml changes."""
    return read_preset(name, Path(__file__).parent.parent / "params.yaml")


VARIANTS = (
    Variant("default", "nothing", features_of="views 8"),
    Variant("depth 0", "no backbone layer trains", {"train.fine_tune_layers": 0}),
    Variant("tta 2", "also scores each picture mirrored", {"scoring.tta": 2}, "default", "default"),
    Variant("tta 4", "also scores it 10% closer, each mirrored too", {"scoring.tta": 4}, "default", "default"),
    Variant("layer decay 0.8", "earlier blocks learn more slowly", {"train.layer_decay": 0.8}, "default"),
    Variant("no ema", "keeps the weights themselves, not their moving average", {"train.ema": 0}, "default"),
    Variant("no mirror", "features are not mirrored", {"train.mirror": False}, "default"),
    Variant("mixup 0.2", "blends rows in pairs", {"train.mixup": 0.2}, "default"),
    Variant("head phase", "trains the head alone for two epochs first", {"train.head_epochs": 2}, "default"),
    Variant("batch norm training", "BatchNorm follows the batches", {"train.batch_norm": "training"}, "default"),
    Variant("views 1", "only the unchanged picture", {"features.views": 1}, "views 8"),
    Variant("views 4", "the picture and three augmentations", {"features.views": 4}, "views 8"),
    Variant("views 8", "the picture and seven augmentations", {"features.views": 8}),
    Variant("scaling 1/255", "scales pixels to [0, 1], not to [-1, 1]", command="benchmarks.scaled_by_255"),
    Variant("augment none", "no augmentation, hence one view", {"augment.policy": "none"}),
    Variant("augment flip", "only mirrors, hence at most two views", {"augment.policy": "flip"}),
    Variant("augment strong", "wider ranges, and patches of noise", {"augment.policy": "strong"}),
    Variant("depth 64", "the last 64 layers train, those after `block_9_add`", {"train.fine_tune_layers": 64}),
    Variant("preset quick", "`params/quick.yaml`", load_preset("quick"), "views 8"),
    Variant("preset accurate", "`params/accurate.yaml`", load_preset("accurate")),
    Variant(
        "one model, holdout", "holds out a fifth of the rows for evaluation", HOLDOUT, baseline="one model, holdout"
    ),
    Variant(
        "fold ensemble, holdout",
        "joins the fold models of a cross-validation, same holdout",
        HOLDOUT,
        "one model, holdout",
        baseline="one model, holdout",
        folds=True,
    ),
    Variant(
        "depth all",
        "trains the whole backbone from images (online mode), earlier blocks more slowly",
        {"train.fine_tune_layers": "all", "train.mode": "online", "train.layer_decay": 0.8},
    ),
)
NAMES = tuple(variant.name for variant in VARIANTS)


@dataclass(frozen=True)
class Choice:
    """A default, and the variants whose figures support or contradict it.

    `fixed`: the user's specification has decided it.
    """

    parameter: str
    value: str
    variants: tuple[str, ...]
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


def find_variant(name: str) -> Variant:
    """Return the variant of this name."""
    return VARIANTS[NAMES.index(name)]
