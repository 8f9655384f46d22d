"""The demo's backbone weights: small, plain, useful for the demo's classes; and the drawings they are trained on."""

import hashlib
from pathlib import Path

import numpy as np
import pytest

from facegender.demo.material import PROPORTION_WEIGHT, draw_material, list_targets
from facegender.demo.pretrain import batches
from facegender.demo.traits import PROPORTIONS, sample_traits
from facegender.demo.transfer import frozen_accuracy
from facegender.errors import UserError
from facegender.network.demo_weights import DEMO_WEIGHTS, load_demo_weights, read_weights, round_kernel, write_weights

BACKBONE_PARAMETERS = 2_257_984  # of keras.applications.MobileNetV2(alpha=1.0, include_top=False)


def test_the_file_is_small_and_whole() -> None:
    assert DEMO_WEIGHTS.stat().st_size < 2_000_000
    weights = read_weights(DEMO_WEIGHTS)
    assert sum(values.size for values in weights.values()) == BACKBONE_PARAMETERS
    assert all(np.isfinite(values).all() for values in weights.values())
    assert all((values > 0).all() for name, values in weights.items() if name.endswith("moving_variance"))


def test_a_pointwise_kernel_has_31_levels_on_each_side_of_zero_per_output() -> None:
    kernel = np.array([[[[31.0, 0.31], [-15.4, 0.1]]]], np.float32)  # (1, 1, in, out)
    # output 0 is stored in steps of 1, output 1 in steps of 0.01
    np.testing.assert_allclose(round_kernel(kernel), [[[[31.0, 0.31], [-15.0, 0.1]]]], rtol=1e-6)


def test_a_depthwise_kernel_has_127_levels_on_each_side_of_zero_per_channel() -> None:
    kernel = np.array([[[[127.0], [1.27]], [[-60.4], [0.504]]]], np.float32)  # (1, 2, channel, 1)
    np.testing.assert_allclose(round_kernel(kernel)[..., 0], [[[127.0, 1.27], [-60.0, 0.5]]], rtol=1e-6)


def test_a_kernel_of_zeros_stays_so() -> None:
    assert not round_kernel(np.zeros((1, 1, 2, 2), np.float32)).any()


def test_what_is_written_is_read_back_quantised_and_writes_the_same_bytes(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    weights = {
        "Conv/kernel": rng.standard_normal((3, 3, 3, 4)).astype(np.float32),
        "BN/gamma": np.array([1.0, 0.5], np.float32),
        "BN/moving_variance": np.array([1e-9, 2.0], np.float32),  # float16 would round it to 0
    }
    write_weights(weights, tmp_path / "a.npz")
    again = read_weights(tmp_path / "a.npz")
    assert set(again) == set(weights)
    np.testing.assert_array_equal(again["Conv/kernel"], round_kernel(weights["Conv/kernel"]))
    np.testing.assert_array_equal(again["BN/gamma"], weights["BN/gamma"])
    np.testing.assert_array_equal(again["BN/moving_variance"], weights["BN/moving_variance"])
    write_weights(weights, tmp_path / "b.npz")
    assert (tmp_path / "a.npz").read_bytes() == (tmp_path / "b.npz").read_bytes()


def test_the_targets_of_a_drawing_exclude_its_family() -> None:
    traits = sample_traits(1, np.random.default_rng(0))
    targets = list_targets(traits)
    assert not {"family", "evidence"} & set(targets)
    assert [targets[name] for name in PROPORTIONS] == list(traits.proportions)
    assert targets[f"hair_{traits.hair}"] == 1.0
    assert sum(value for name, value in targets.items() if name.startswith("hair_")) == 1.0


def test_material_does_not_depend_on_the_workers() -> None:
    one, two = draw_material(60, 32, seed=1, workers=1), draw_material(60, 32, seed=1, workers=2)
    assert one.pixels.shape == (60, 32, 32, 3)
    np.testing.assert_array_equal(one.pixels, two.pixels)
    np.testing.assert_array_equal(one.targets, two.targets)
    np.testing.assert_allclose(one.targets.mean(axis=0), 0, atol=1e-5)
    assert (one.weights == PROPORTION_WEIGHT).sum() == len(PROPORTIONS)
    assert (one.mirror == -1).sum() == 5  # x, tilt, yaw, parting and the light's direction across


def test_batches_are_scaled_and_mirrored_with_their_targets() -> None:
    material = draw_material(50, 32, seed=1, workers=1)
    pixels, targets = next(batches(material, 50, np.random.default_rng(0)))
    assert pixels.dtype == np.float32
    assert (pixels.min() >= -1, pixels.max() <= 1) == (True, True)
    same = material.mirror == 1
    order = [int(np.argmin(np.abs(material.targets[:, same] - row).sum(axis=1))) for row in targets[:, same]]
    assert sorted(order) == list(range(50))  # each drawing once
    signs = {
        float(np.sign(row[~same] @ material.targets[number][~same])) for row, number in zip(targets, order, strict=True)
    }
    assert signs == {-1.0, 1.0}  # some mirrored, some not


def test_batches_larger_than_the_material_are_refused() -> None:
    material = draw_material(10, 32, seed=1, workers=1)
    with pytest.raises(ValueError, match="batches of 11 need at least as many drawings"):
        next(batches(material, 11, np.random.default_rng(0)))


@pytest.mark.slow
def test_weights_load_into_the_backbone() -> None:
    import keras

    model = keras.applications.MobileNetV2(input_shape=(96, 96, 3), include_top=False, weights=None)
    assert load_demo_weights(model) == hashlib.sha256(DEMO_WEIGHTS.read_bytes()).hexdigest()
    stored = read_weights(DEMO_WEIGHTS)
    np.testing.assert_array_equal(model.get_layer("Conv_1").get_weights()[0], stored["Conv_1/kernel"])
    np.testing.assert_array_equal(model.get_layer("bn_Conv1").get_weights()[3], stored["bn_Conv1/moving_variance"])


@pytest.mark.slow
def test_another_width_is_refused() -> None:
    import keras

    narrow = keras.applications.MobileNetV2(input_shape=(96, 96, 3), alpha=0.35, include_top=False, weights=None)
    with pytest.raises(UserError, match=r"alpha 1\.0.*Set backbone\.alpha to 1\.0"):
        load_demo_weights(narrow)


@pytest.mark.slow
def test_frozen_features_separate_the_families_but_not_fully() -> None:
    accuracy = frozen_accuracy(fitted=320, held_out=200, seed=5)
    assert 0.72 < accuracy < 0.97  # 0.75 and 0.94, with the tolerance that 200 drawings need
