import base64
import io
import json

import numpy as np
import pytest
from PIL import Image

from facegender.evaluation.gradcam import HEAT, OPACITY, heat_maps, overlay
from facegender.evaluation.report.gallery import Face, add_heat_maps

# NumPy 2 warns when Keras 3.15 saves TensorFlow's variables
pytestmark = pytest.mark.filterwarnings("ignore:__array__ implementation doesn't accept a copy:DeprecationWarning")


def opened(uri):
    return Image.open(io.BytesIO(base64.b64decode(uri.split(",")[1])))


def test_the_mean_of_a_map_is_the_logit_and_red_supports_the_positive_class(model, tmp_path):
    pixels = np.zeros((8, 8, 3), np.uint8)
    pixels[:, 4:] = (255, 0, 0)  # the model: 4 times red minus 4 times blue
    Image.fromarray(pixels).save(tmp_path / "a.png")
    Image.fromarray(pixels[:, :, ::-1]).save(tmp_path / "b.png")
    maps = heat_maps(model, [tmp_path / "a.png", tmp_path / "b.png"])
    assert maps.shape == (2, 8, 8)
    np.testing.assert_allclose(maps[0, 0], [0, 0, 0, 0, 4, 4, 4, 4], atol=1e-5)
    assert maps.mean(axis=(1, 2)).tolist() == pytest.approx([2, -2], abs=1e-5)


@pytest.mark.parametrize("narrowing", [True, False], ids=["channels first", "channels last"])
def test_both_engines_give_the_same_maps(tmp_path, narrowing):
    # OpenVINO moves the channels of a convolution's output to axis 1, and keeps those of the pictures on axis 3
    import keras

    from facegender.network.engine import import_openvino, to_openvino
    from facegender.network.keras_file import save_model

    image = keras.Input((12, 12, 3), name="image")
    seen = keras.layers.Rescaling(1 / 255)(image)
    if narrowing:
        seen = keras.layers.Conv2D(5, 3, activation="relu", kernel_initializer=keras.initializers.GlorotUniform(1))(
            seen
        )
    mean = keras.layers.GlobalAveragePooling2D(name="pool")(seen)
    unit = keras.layers.Dense(1, name="logit", kernel_initializer=keras.initializers.GlorotUniform(2))
    network = keras.Model(image, keras.layers.Activation("sigmoid")(unit(mean)))
    save_model(network, tmp_path / "model.keras")
    import_openvino().save_model(to_openvino(network, tmp_path), tmp_path / "openvino.xml", compress_to_fp16=False)
    (tmp_path / "classes.json").write_text('{"image_size": 12}')
    files = [tmp_path / f"{number}.png" for number in range(21)]  # one batch and one picture more
    rng = np.random.default_rng(0)
    for file in files:
        pixels = rng.integers(0, 255, (12, 12, 3)).astype(np.uint8)
        Image.fromarray(pixels).save(file)
    maps = {}
    for engine in ("openvino", "tensorflow"):
        (tmp_path / "engine.json").write_text(json.dumps({"engine": engine, "precision": "float32"}))
        maps[engine] = heat_maps(tmp_path, files)
    assert maps["openvino"].shape == ((21, 10, 10) if narrowing else (21, 12, 12))
    assert np.abs(maps["openvino"]).max() > 0.1
    np.testing.assert_allclose(maps["openvino"], maps["tensorflow"], atol=1e-5)


def test_the_overlay_shows_only_regions_that_supported_the_answer():
    heat = np.array([[1.0, -1.0], [0.5, -0.5]], np.float32)
    left, right = (np.asarray(opened(overlay(heat, positive, (40, 40)))) for positive in (True, False))
    assert left.shape == (48, 48, 4)
    assert left[0, 0].tolist() == [*HEAT, round(255 * OPACITY)]
    assert left[0, -1, 3] == 0
    assert right[0, 0, 3] == 0
    assert right[0, -1, 3] == round(255 * OPACITY)


def test_the_overlay_has_the_pictures_shape():
    assert opened(overlay(np.ones((7, 7), np.float32), True, (400, 200))).size == (48, 24)


def test_if_no_region_supported_the_answer_none_is_shown():
    assert np.asarray(opened(overlay(-np.ones((7, 7), np.float32), True, (9, 9))))[..., 3].max() == 0


def test_each_face_gets_its_own_map(tmp_path):
    for name, size in (("a.png", (30, 30)), ("b.png", (60, 30))):
        Image.new("RGB", size).save(tmp_path / name)
    faces = {name: Face(name, "1", predicted, 0.5, "") for name, predicted in (("a.png", "1"), ("b.png", "0"))}
    seen = []

    def explain(files):
        seen.extend(file.name for file in files)
        return np.stack([np.full((2, 2), 1.0, np.float32), np.full((2, 2), 1.0, np.float32)])

    heated = add_heat_maps({"wrong": [faces["b.png"]], "right": [faces["a.png"]]}, explain, tmp_path, "1")
    assert seen == ["b.png", "a.png"]
    assert opened(heated["wrong"][0].heat).size == (48, 24)
    assert np.asarray(opened(heated["wrong"][0].heat))[..., 3].max() == 0  # the map supports 1, but the answer was 0
    assert np.asarray(opened(heated["right"][0].heat))[..., 3].min() > 0
    assert add_heat_maps({"wrong": []}, explain, tmp_path, "1") == {"wrong": []}


def test_the_report_offers_the_overlays_if_there_are_some(case, evaluated, tmp_path):
    case.write(tmp_path, explain=lambda files: np.ones((len(files), 7, 7), np.float32))
    html = (tmp_path / "report.html").read_text(encoding="utf-8")
    assert html.count('class="heat"') == 54  # all 14 errors, and 20 of each other kind
    assert 'id="heat"' in html
    assert 'id="heat"' not in (evaluated / "report.html").read_text(encoding="utf-8")
    assert (tmp_path / "metrics.json").read_text() == (evaluated / "metrics.json").read_text()
    assert json.loads((tmp_path / "metrics.json").read_text())["n"] == 100
