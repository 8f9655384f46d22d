"""One small evaluation: 120 pictures of plain colour, the tables of earlier stages, and random probabilities."""

import json
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from facegender.decision.classes import Classes
from facegender.decision.decision import Decision
from facegender.evaluation.evaluate import judge_rows
from facegender.evaluation.gradcam import Explainer
from facegender.evaluation.inputs import Evaluation, Extras, Inputs
from facegender.evaluation.predictions import choices_from
from facegender.evaluation.report.facts import data_hash
from facegender.evaluation.write import write_evaluation
from facegender.files.layout import Layout
from facegender.params.sections import EvaluateParams, Params
from facegender.params.stage_params import EvaluateStageParams
from facegender.pictures.traits import read_traits

CONTRADICTORY = {
    "kind": "near",
    "size": 3,
    "images": [
        {"image": "a.jpg", "role": "train", "label": "0"},
        {"image": "b.jpg", "role": "test", "label": None},
    ],
}
CLASSES = Classes("0", "1", "int", 0.45)


@dataclass(frozen=True)
class Case:
    """The arguments of `write_evaluation`, and the folders that they belong to."""

    layout: Layout
    index: pd.DataFrame
    inputs: Inputs
    extras: Extras
    decision: Decision
    predictions: pd.DataFrame
    params: EvaluateStageParams

    def write(self, folder: Path, explain: Explainer | None = None, **changes: object) -> None:
        """Write the evaluation folder; `changes` replace the case's own inputs, extras, predictions or params."""
        case = replace(self, **changes)
        traits = read_traits(case.predictions["image"], case.layout.images, case.inputs.index)
        evaluation = Evaluation(case.inputs, case.extras, case.decision, case.predictions, traits)
        write_evaluation(folder, evaluation, case.layout, case.params, explain)


@pytest.fixture(scope="session")
def case(tmp_path_factory: pytest.TempPathFactory) -> Case:
    root = tmp_path_factory.mktemp("case")
    layout = Layout(root / "data", root / "artifacts")
    layout.images.mkdir(parents=True)
    rng = np.random.default_rng(5)
    names = [f"face <{number}> & co.png" for number in range(120)]  # names that HTML and URLs must escape
    labels = rng.choice(["0", "1"], size=120)
    for name, label in zip(names, labels, strict=True):
        colour = (200, 90, 60) if label == "1" else (60, 90, 200)
        # every fourth is darker, so that there are slices by brightness; red minus blue stays the same
        darker = 50 if int(name.split("<")[1].split(">")[0]) % 4 == 0 else 0
        Image.new("RGB", (48, 40), tuple(value - darker for value in colour)).save(layout.images / name)
    index = pd.DataFrame(
        {
            "image": names,
            "role": "train",
            "label": labels,
            "status": "ok",
            "reason": None,
            "sha256": [f"{number:064x}" for number in range(120)],
            "group": np.arange(120) // 2,
            "width": 48,
            "height": 40,
        }
    )
    splits = index[["image", "label", "group"]].assign(fold=np.where(np.arange(120) < 100, 0, -1).astype(np.int8))
    ages = np.where(np.arange(120) < 90, rng.choice(["3-9", "10-19"], size=120), "70+")
    pd.DataFrame({"image_names": names, "age": ages}).to_csv(layout.attributes_csv, index=False)
    held = splits[splits["fold"] == 0].reset_index(drop=True)
    logits = 3 * rng.normal(np.where(held["label"] == "1", 1.2, -1.2), 1.5)  # overconfident, so that calibration helps
    probabilities = (1 / (1 + np.exp(-logits))).astype(np.float32)
    facts = {
        "image_column": "image_names",
        "label_column": "class",
        "label_dtype": "int",
        "classes": ["0", "1"],
        "demo": False,
        "counts": {},
        "class_counts": {"0": 66, "1": 54},
        "quarantined": [{"image": f"bad{n}.jpg", "role": "train", "reason": "truncated"} for n in range(60)],
        "duplicates": {"groups": 3, "contradictory": [CONTRADICTORY]},
        "csv": {"sample_submission.csv": {"encoding": "utf-8", "separator": ","}},
        "warnings": ["images: 2 files have no row"],
    }
    params = EvaluateStageParams.of(Params(evaluate=EvaluateParams(bootstrap=200, min_slice=20)))
    decision, predictions = judge_rows(held, probabilities.astype(np.float64), CLASSES, choices_from(params.evaluate))
    suspects = splits[["image", "label"]].assign(probability=np.linspace(0.02, 0.99, 120), flagged=np.arange(120) < 7)
    overrides = splits[["image", "label"]][:4].assign(decision=["flip", "flip", "keep", "drop"])
    overrides["label"] = ["1" if label == "0" else "0" for label in overrides["label"]]
    champion = predictions.set_index("image").assign(predicted="1")
    layout.artifacts.mkdir()
    index.to_parquet(layout.index, index=False)
    inputs = Inputs(CLASSES, history(), provenance(), layout.index, data_hash(index), splits, facts)
    return Case(layout, index, inputs, Extras(suspects, overrides, champion), decision, predictions, params)


def history() -> pd.DataFrame:
    rows = [
        ("head", 1, 0.70, 0.60, 0.30, 0.62, 1e-3),
        ("fine_tune", 1, 0.60, 0.65, 0.55, 0.70, 1e-3),
        ("fine_tune", 2, 0.50, 0.75, 0.45, 0.74, 5e-4),
        ("fine_tune", 3, 0.40, 0.80, 0.48, 0.73, 1e-5),
    ]
    columns = ["phase", "epoch", "loss", "accuracy", "val_loss", "val_accuracy", "learning_rate"]
    return pd.DataFrame(rows, columns=columns)


def provenance() -> dict[str, object]:
    return {
        "backbone": {"name": "mobilenet_v2", "alpha": 0.35, "image_size": 96},
        "weights": {"source": "imagenet", "fingerprint": "abc123"},
        "cut": "block_13_project",
        "trained_layers": 30,
        "parameters": {"trained": 1000, "all": 2000},
        "params": Params().model_dump(by_alias=True, mode="json"),
        "versions": {"python": "3.11.1", "tensorflow": "2.21.0"},
        "demo": False,
    }


@pytest.fixture(scope="session")
def evaluated(case: Case, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The evaluation folder of the case."""
    folder = tmp_path_factory.mktemp("evaluation")
    case.write(folder)
    return folder


@pytest.fixture(scope="session")
def metrics(evaluated: Path) -> dict[str, object]:
    values: dict[str, object] = json.loads((evaluated / "metrics.json").read_text())
    return values


@pytest.fixture(scope="session")
def model(case: Case, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A model whose probability of "1" grows with mean red minus mean blue."""
    import keras

    from facegender.network.keras_file import save_model

    image = keras.Input((8, 8, 3), name="image")
    mean = keras.layers.GlobalAveragePooling2D(name="pool")(keras.layers.Rescaling(1 / 255)(image))
    unit = keras.layers.Dense(1, name="logit")
    network = keras.Model(image, keras.layers.Activation("sigmoid")(unit(mean)))
    unit.set_weights([np.array([[4.0], [0.0], [-4.0]]), np.zeros(1)])
    folder = tmp_path_factory.mktemp("model")
    save_model(network, folder / "model.keras")
    classes = {"negative": "0", "positive": "1", "label_dtype": "int", "image_size": 8, "positive_share": 0.45}
    (folder / "classes.json").write_text(json.dumps(classes))
    (folder / "engine.json").write_text(json.dumps({"engine": "tensorflow", "precision": "float32"}))
    (folder / "provenance.json").write_text(json.dumps(case.inputs.provenance))
    case.inputs.history.to_csv(folder / "history.csv", index=False)
    return folder
