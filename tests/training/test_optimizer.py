"""The optimizer is AdamW; a rate is a share of the whole step; the average follows its formula."""

from collections.abc import Mapping

import keras
import numpy as np
import pytest

from facegender.training.layer_rates import LayerRate
from facegender.training.optimizer import LayerwiseAdamW

RATE, DECAY = 0.01, 0.1
RNG = np.random.default_rng(3)
START = {"kernel": RNG.normal(size=(5, 4)).astype(np.float32), "bias": RNG.normal(size=4).astype(np.float32)}
GRADIENTS = [{name: RNG.normal(size=value.shape).astype(np.float32) for name, value in START.items()} for _ in range(6)]


def variables() -> list[keras.Variable]:
    return [keras.Variable(value, name=name) for name, value in START.items()]


def walk(optimizer: keras.Optimizer, steps: int) -> list[list[np.ndarray]]:
    """Return the variables' values after each step of a compiled function, as in training."""
    import tensorflow as tf

    tuned = variables()
    optimizer.build(tuned)
    apply = tf.function(lambda gradients: optimizer.apply(gradients, tuned))
    seen = []
    for gradients in GRADIENTS[:steps]:
        apply([tf.constant(gradients[variable.name]) for variable in tuned])
        seen.append([np.asarray(variable).copy() for variable in tuned])
    return seen


def adamw() -> keras.Optimizer:
    optimizer = keras.optimizers.AdamW(RATE, weight_decay=DECAY)
    optimizer.exclude_from_weight_decay(var_names=["bias", "gamma", "beta"])
    return optimizer


def layerwise(rates: Mapping[str, LayerRate] | None = None, ema: float = 0.0) -> LayerwiseAdamW:
    return LayerwiseAdamW(RATE, DECAY, rates or {}, ema)


def test_with_share_one_it_equals_keras_adamw_bit_for_bit() -> None:
    for ours, theirs in zip(walk(layerwise(), 6), walk(adamw(), 6), strict=True):
        assert all(np.array_equal(our, their) for our, their in zip(ours, theirs, strict=True))


@pytest.mark.parametrize("share", [0.5, 0.3])
def test_a_share_scales_the_whole_step_decay_included(share: float) -> None:
    whole, part = walk(layerwise(), 1)[0], walk(layerwise({"kernel": LayerRate(share)}), 1)[0]
    # the decay leaves 1 - RATE * DECAY of the kernel; Adam's first step is RATE * sign(gradient), up to its epsilon
    expected = START["kernel"] * (1 - share * RATE * DECAY) - share * RATE * np.sign(GRADIENTS[0]["kernel"])
    assert np.allclose(part[0], expected, atol=1e-6)
    step = part[0].astype(float) - START["kernel"]
    assert np.allclose(
        step, share * (whole[0].astype(float) - START["kernel"]), atol=5e-7
    )  # float32 below 4 has 2.4e-7
    assert np.array_equal(part[1], whole[1])  # the bias has its own rate


def test_a_share_equals_a_smaller_learning_rate_at_every_step() -> None:
    slow = keras.optimizers.AdamW(RATE / 4, weight_decay=DECAY)
    slow.exclude_from_weight_decay(var_names=["bias"])
    ours, theirs = walk(layerwise({"kernel": LayerRate(0.25), "bias": LayerRate(0.25)}), 6), walk(slow, 6)
    # a quarter is exact in binary, so all bits agree
    for our, their in zip(ours, theirs, strict=True):
        assert all(np.array_equal(a, b) for a, b in zip(our, their, strict=True))


def test_a_variable_does_not_change_before_its_start_and_then_has_its_full_rate() -> None:
    seen = walk(layerwise({"kernel": LayerRate(1.0, start=3)}), 6)
    assert all(np.array_equal(values[0], START["kernel"]) for values in seen[:3])
    assert not np.array_equal(seen[3][0], START["kernel"])
    plain = walk(adamw(), 6)
    assert all(np.array_equal(ours[1], theirs[1]) for ours, theirs in zip(seen, plain, strict=True))
    # its moments were updated meanwhile: Adam's step from statistics of four steps is at most the learning rate
    assert np.abs(seen[3][0] - START["kernel"] * (1 - RATE * DECAY)).max() < 1.5 * RATE


def test_the_average_by_hand() -> None:
    optimizer = layerwise(ema=0.15)
    seen = walk(optimizer, 4)
    average = seen[0][0]  # at step 0 the momentum is 0 / 10
    average = average * (1 / 11) + seen[1][0] * (10 / 11)
    average = average * 0.15 + seen[2][0] * 0.85  # 2 / 12 exceeds the requested momentum
    average = average * 0.15 + seen[3][0] * 0.85
    assert np.allclose(optimizer.averages[0], average, atol=1e-6)
    plain = walk(adamw(), 4)
    assert np.array_equal(seen[3][0], plain[3][0])  # averaging does not change the training


def test_averages_replace_the_weights_only_inside_the_block_even_after_an_error() -> None:
    optimizer, tuned = layerwise(ema=0.9), variables()
    optimizer.build(tuned)
    for gradients in GRADIENTS:
        optimizer.apply([gradients[variable.name] for variable in tuned], tuned)
    own, averages = ([np.asarray(value).copy() for value in values] for values in (tuned, optimizer.averages))
    assert not np.allclose(own[0], averages[0])
    with optimizer.use_averages(tuned):
        assert all(np.array_equal(value, average) for value, average in zip(tuned, averages, strict=True))
    with pytest.raises(ZeroDivisionError), optimizer.use_averages(tuned):
        _ = 1 / 0
    assert all(np.array_equal(value, before) for value, before in zip(tuned, own, strict=True))


def test_without_an_average_nothing_is_stored_or_replaced() -> None:
    optimizer, tuned = layerwise(), variables()
    optimizer.build(tuned)
    assert optimizer.averages == []
    assert len(optimizer.variables) == 2 + 2 * len(tuned)  # iteration, learning rate; two moments each
    with optimizer.use_averages(tuned):
        assert np.array_equal(tuned[0], START["kernel"])
