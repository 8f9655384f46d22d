"""Test-time augmentation: the views, their mean, and the same views in evaluate, predict and submit."""

import json
import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from facegender.decision.calibration import Calibrator, logit, sigmoid
from facegender.decision.decision import Decision, find_decision, read_decision
from facegender.errors import UserError
from facegender.evaluation.evaluate import evaluate
from facegender.files.layout import Layout
from facegender.params.sections import Params
from facegender.params.stage_params import EvaluateStageParams
from facegender.pictures.affine import warp_affine
from facegender.scoring.predict import predict
from facegender.scoring.score import score
from facegender.scoring.tta import average_views, describe_views, fixed_views

# Keras 3.15 saves TensorFlow's variables with a call that NumPy 2 warns about
pytestmark = pytest.mark.filterwarnings("ignore:__array__ implementation doesn't accept a copy:DeprecationWarning")


@pytest.fixture(scope="module")
def asymmetric(model: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A model with a weight for each pixel, so that every view has a different probability."""
    import keras

    from facegender.network.keras_file import save_model

    folder = tmp_path_factory.mktemp("asymmetric") / "model"
    shutil.copytree(model, folder)
    image = keras.Input((8, 8, 3), name="image")
    flat = keras.layers.Flatten()(keras.layers.Rescaling(1 / 255)(image))
    weigh, unit = keras.layers.Dense(4), keras.layers.Dense(1, name="logit")
    pooled = keras.layers.GlobalAveragePooling2D(name="pool")(keras.layers.Reshape((2, 2, 1))(weigh(flat)))
    network = keras.Model(image, keras.layers.Activation("sigmoid")(unit(pooled)))
    weigh.set_weights([0.4 * np.random.default_rng(1).normal(size=(192, 4)), np.zeros(4)])
    unit.set_weights([np.ones((1, 1)), np.zeros(1)])
    save_model(network, folder / "model.keras")
    return folder


@pytest.fixture(scope="module")
def noise(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    folder, rng = tmp_path_factory.mktemp("noise"), np.random.default_rng(2)
    files = [folder / f"{number}.png" for number in range(5)]
    for file in files:
        Image.fromarray(rng.integers(0, 256, (8, 8, 3)).astype(np.uint8)).save(file)
    return files


def test_views_are_plain_and_mirrored_at_each_scale() -> None:
    picture = np.random.default_rng(0).integers(0, 256, (16, 16, 3)).astype(np.uint8)
    views = fixed_views(picture, 6)
    closer = warp_affine(picture, 0, 0, 0, 1.1)
    expected = [picture, picture[:, ::-1], closer, closer[:, ::-1]]
    assert all(np.array_equal(*pair) for pair in zip(views, expected, strict=False))
    assert len({view.tobytes() for view in views}) == 6
    for count in range(1, 7):
        assert [view.tobytes() for view in fixed_views(picture, count)] == [view.tobytes() for view in views[:count]]
    assert describe_views(3) == "in 3 views, by their mean logit: original; original, mirrored; 10% closer"


def test_logits_are_averaged_and_one_view_is_unchanged() -> None:
    # logits of 0.8 and 0.5: ln 4 and 0; half of ln 4 is ln 2, and 2 / (1 + 2) = 2/3
    assert average_views(np.array([[0.8, 0.5]])) == pytest.approx([2 / 3])
    assert average_views(np.array([[0.1234567]]))[0] == np.float32(0.1234567)


def test_a_temperature_divides_the_mean_as_it_divides_each_logit() -> None:
    each = np.random.default_rng(0).uniform(0.01, 0.99, (20, 4))
    calibrator = Calibrator("temperature", 1.7)
    divided = sigmoid(logit(each) / 1.7)
    after, before = calibrator.apply(average_views(each).astype(np.float64)), average_views(divided)
    assert np.allclose(after, before, atol=1e-6)


def test_the_score_of_a_file_is_the_mean_over_its_views(asymmetric, noise, tmp_path) -> None:
    mirrored = [tmp_path / file.name for file in noise]
    for file, other in zip(noise, mirrored, strict=True):
        Image.fromarray(np.asarray(Image.open(file))[:, ::-1]).save(other)
    plain, other = score(asymmetric, noise).probabilities, score(asymmetric, mirrored).probabilities
    assert np.abs(plain - other).max() > 0.1
    broken = tmp_path / "broken.png"
    broken.write_bytes(b"no picture")
    both = score(
        asymmetric, [*noise[:2], broken, *noise[2:]], views=2, batch_size=3
    )  # a batch ends between two views of a picture
    assert np.isnan(both.probabilities[2])
    expected = average_views(np.stack([plain, other], axis=1).astype(np.float64))
    assert np.allclose(np.delete(both.probabilities, 2), expected, atol=1e-6)


def test_evaluate_records_the_views_and_predict_uses_them(asymmetric, case, tmp_path, noise) -> None:
    layout = Layout(case.layout.data, tmp_path)
    case.index.to_parquet(layout.index)
    case.inputs.splits.to_parquet(layout.splits)
    layout.validation.write_text(json.dumps(case.inputs.facts))
    shutil.copytree(asymmetric, layout.model)
    params = Params.model_validate({"scoring": {"tta": 2}, "evaluate": {"bootstrap": 50}})
    evaluate(layout, EvaluateStageParams.of(params))
    out = layout.evaluation
    decision = read_decision(out / "decision.json")
    assert decision.views == json.loads((out / "metrics.json").read_text())["views"] == 2
    assert (pd.read_parquet(out / "predictions.parquet")["views"] == 2).all()
    said = "in 2 views, by their mean logit: original; original, mirrored"
    assert said in (out / "report.html").read_text()
    assert said in (out / "model_card.md").read_text()
    uncalibrated = replace(decision, calibrator=Calibrator("none"))
    found = [prediction.positive for prediction in predict(asymmetric, noise, uncalibrated)]
    assert found == pytest.approx(score(asymmetric, noise, views=2).probabilities.tolist())
    assert find_decision(layout.model) == decision


def test_an_isotonic_calibration_of_several_views_cannot_be_exported(asymmetric, tmp_path) -> None:
    from facegender.scoring.calibrated_model import export

    shutil.copytree(asymmetric, tmp_path / "model")
    steps = Decision(Calibrator("isotonic", steps=((0.0, 0.1), (1.0, 0.9))), 0.5, 0.1, 1.0, views=2)
    (tmp_path / "model/decision.json").write_text(json.dumps(steps.as_dict()))
    with pytest.raises(UserError, match=r"scoring.tta: must be 1 to export an isotonic calibration.*Received: 2"):
        export(tmp_path / "model", tmp_path / "out")
