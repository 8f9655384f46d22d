"""Stage `features`: run the frozen part of the backbone, once per picture and view.

Layers before the cut never train, so their output for a picture is the same in every epoch, fold and experiment. A
row's features depend on the picture's content and the code alone. So unchanged pictures keep their features, more views
extend them, and a killed run resumes where it stopped.
"""

import logging
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

import numpy as np
import pandas as pd

from facegender.errors import UserError
from facegender.features.store import Manifest, write_rows
from facegender.features.work import Work
from facegender.files.atomic import atomic_folder
from facegender.files.image_names import argsort_names, lookup_all
from facegender.files.json_files import read_json
from facegender.files.layout import Layout
from facegender.files.parquet import read
from facegender.files.splits import trains
from facegender.network.engine import Engine, OpenVinoEngine, TensorFlowEngine, has_bfloat16, has_openvino, to_openvino
from facegender.network.weights import resolve_weights
from facegender.params.sections import FeaturesParams, TrainParams
from facegender.params.stage_params import FeaturesStageParams
from facegender.runtime.code_fingerprint import fingerprint_modules

logger = logging.getLogger(__name__)

# the modules that, with the manifest, decide the numbers in a row: if their code changes, features are recomputed; a
# change elsewhere costs nothing
MADE_BY: Final = (
    "features.work",
    "files.float16_rows",
    "network.applications",
    "network.bfloat16",
    "network.classifier",
    "network.engine",
    "network.keras_graph",
    "network.rebuild",
    "params.architectures",
    "pictures.affine",
    "pictures.augment",
    "pictures.decode",
)


def features(layout: Layout, params: FeaturesStageParams) -> None:
    """Bring artifacts/features up to date with the images, the splits and the parameters.

    Raises
    ------
    UserError
        The weights cannot be loaded, the cut does not exist, or the disk space (checked first) does not suffice.
    """
    rows = plan_rows(
        read(layout.index, ["image", "sha256"], [("role", "==", "train")]), read(layout.splits, ["image", "fold"])
    )
    drawn_demo = bool(read_json(layout.validation)["demo"])
    if params.train.mode == "online":
        manifest = plan_network(params, drawn_demo, cached=False)[0]
        write_without_views(layout.features, manifest, rows)
        logger.info("features: online mode trains from the images; nothing to cache")
        return
    existing = Manifest.read(layout.features) if (layout.features / "manifest.json").is_file() else None
    manifest, frozen = plan_network(params, drawn_demo, True, existing)
    compute_missing(Work(layout, params, manifest, rows, layout.features, [layout.features]), frozen)


def plan_rows(index: pd.DataFrame, splits: pd.DataFrame) -> pd.DataFrame:
    """Return the cache's rows (image, sha256, augmented): those with augmented views first, then by name.

    Rows that only validate need no augmented view. `index`: image and sha256 of the labelled images.
    """
    augmented = trains(splits["fold"])
    by_name = argsort_names(splits["image"])
    rows = by_name[np.argsort(~augmented[by_name], kind="stable")]
    table = pd.DataFrame({"image": splits["image"].array[rows], "augmented": augmented[rows]})
    table.insert(1, "sha256", index["sha256"].array[lookup_all(table["image"], index["image"])])
    return table


def write_without_views(target: Path, manifest: Manifest, rows: pd.DataFrame) -> None:
    """Write the features folder of online mode: the network's manifest and the rows, without views."""
    with atomic_folder(target) as folder:
        manifest.write(folder)
        write_rows(folder, rows)


def compute_missing(work: Work, frozen: Any) -> None:
    """Compute the missing views and put the finished features folder in its place."""
    work.check_disk()
    work.reuse_earlier()
    if work.missing:
        engine_of = make_engine_factory(frozen, work.params.features, work.layout.resume)
        work.compute(engine_of)
    work.finish()


def plan_network(
    params: FeaturesStageParams, drawn_demo: bool, cached: bool, existing: Manifest | None = None
) -> tuple[Manifest, Any]:
    """Build the network; return its manifest and its frozen part. `existing`: the manifest of existing features."""
    from facegender.network.backbone import choose_cut, fingerprint, load_backbone
    from facegender.network.classifier import build_classifier
    from facegender.network.device import prepare

    prepare(params.features.seed, params.train.mixed_precision)
    source = resolve_weights(params.backbone, drawn_demo)
    backbone = load_backbone(params.backbone, source, params.train.seed)
    cut = choose_cut(backbone, params.train.fine_tune_layers)
    if params.train.fine_tune_layers not in ("all", cut.trained):
        logger.info(
            "features: a skip connection moves the cut: the last %d layers train, not %d",
            cut.trained,
            params.train.fine_tune_layers,
        )
    if cached and cut.layer is None:
        raise UserError(
            "params.yaml, train.fine_tune_layers",
            "must leave a frozen part in features mode",
            params.train.fine_tune_layers,
            "Set train.mode to online to train the whole backbone.",
        )
    # the other values of `train` affect only the tuned part
    train = TrainParams.model_construct(None, **params.train.model_dump())
    classifier = build_classifier(params.backbone, backbone, cut, train, cached)
    exact, rough = choose_precisions(params.features, existing)
    shape = list(classifier.frozen.output.shape[1:]) if classifier.frozen else []
    manifest = Manifest(
        backbone=params.backbone.model_dump(),
        weights={"source": source, "fingerprint": fingerprint(backbone)},
        cut=cut.layer,
        trained_layers=cut.trained,
        shape=shape,
        views=min(params.features.views, params.augment.distinct_views or params.features.views) if cached else 0,
        augment=params.augment.ranges(),
        seed=params.features.seed,
        precision=exact,
        augmented_precision=rough,
        code=fingerprint_modules(*MADE_BY),
    )
    return manifest, classifier.frozen


def make_engine_factory(frozen: Any, params: FeaturesParams, scratch: Path) -> Callable[[str], Engine]:
    """Convert the network once, and return a function that makes the engine for a precision."""
    if not uses_openvino(params):
        return lambda precision: TensorFlowEngine(frozen)
    scratch.mkdir(parents=True, exist_ok=True)
    network = to_openvino(frozen, scratch)
    return lambda precision: OpenVinoEngine(network, precision)


def uses_openvino(params: FeaturesParams) -> bool:
    """Whether OpenVINO computes the features; `auto`: if it is installed and there is no GPU."""
    from facegender.network.device import has_gpu

    return params.engine == "openvino" or (params.engine == "auto" and has_openvino() and not has_gpu())


def choose_precisions(params: FeaturesParams, existing: Manifest | None) -> tuple[str, str]:
    """Choose the precision of validation rows, and that of training rows.

    `auto`: views that are shifted, rotated and brightened at random need not be exact to the last bit. So training rows
    get bfloat16 if the processor computes in it. Existing features keep their precision, from whatever machine.
    """
    if params.precision != "auto":
        return params.precision, params.precision
    if existing and existing.precision == "float32":
        return "float32", existing.augmented_precision
    return "float32", "bfloat16" if uses_openvino(params) and has_bfloat16() else "float32"
