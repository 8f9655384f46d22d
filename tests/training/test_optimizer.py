"""The optimizer is AdamW; a pace is a share of its whole step; the average is the mean that its formula says."""

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
    """The variables' values after each step, of a compiled function as in training."""
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


def paced(pace_of: Mapping[str, LayerRate] | None = None, ema: float = 0.0) -> LayerwiseAdamW:
    return LayerwiseAdamW(RATE, DECAY, pace_of or {}, ema)


def test_at_pace_one_it_is_kerass_adamw_bit_for_bit() -> None:
    for ours, theirs in zip(walk(paced(), 6), walk(adamw(), 6), strict=True):
        assert all(np.array_equal(our, their) for our, their in zip(ours, theirs, strict=True))


@pytest.mark.parametrize("share", [0.5, 0.3])
def test_a_share_of_the_pace_is_that_share_of_the_step_decay_included(share: float) -> None:
    whole, part = walk(paced(), 1)[0], walk(paced({"kernel": LayerRate(share)}), 1)[0]
    # 1 - RATE * DECAY of the kernel is left, and Adam's first step is RATE * sign(gradient), but for its epsilon
    expected = START["kernel"] * (1 - share * RATE * DECAY) - share * RATE * np.sign(GRADIENTS[0]["kernel"])
    assert np.allclose(part[0], expected, atol=1e-6)
    step = part[0].astype(float) - START["kernel"]
    assert np.allclose(
        step, share * (whole[0].astype(float) - START["kernel"]), atol=5e-7
    )  # float32 below 4 has 2.4e-7
    assert np.array_equal(part[1], whole[1])  # the bias has its own pace


def test_a_share_holds_at_every_step_as_of_one_learning_rate() -> None:
    slow = keras.optimizers.AdamW(RATE / 4, weight_decay=DECAY)
    slow.exclude_from_weight_decay(var_names=["bias"])
    ours, theirs = walk(paced({"kernel": LayerRate(0.25), "bias": LayerRate(0.25)}), 6), walk(slow, 6)
    # a quarter is exact in binary, so that the very bits agree
    for our, their in zip(ours, theirs, strict=True):
        assert all(np.array_equal(a, b) for a, b in zip(our, their, strict=True))


def test_before_its_start_a_variable_stands_still_and_then_moves_at_full_pace() -> None:
    seen = walk(paced({"kernel": LayerRate(1.0, start=3)}), 6)
    assert all(np.array_equal(values[0], START["kernel"]) for values in seen[:3])
    assert not np.array_equal(seen[3][0], START["kernel"])
    plain = walk(adamw(), 6)
    assert all(np.array_equal(ours[1], theirs[1]) for ours, theirs in zip(seen, plain, strict=True))
    # its moments have followed: a step of Adam's from statistics of four steps, no larger than the learning rate
    assert np.abs(seen[3][0] - START["kernel"] * (1 - RATE * DECAY)).max() < 1.5 * RATE


def test_the_average_by_hand() -> None:
    optimizer = paced(ema=0.15)
    seen = walk(optimizer, 4)
    average = seen[0][0]  # momentum 0 / 10 at step 0
    average = average * (1 / 11) + seen[1][0] * (10 / 11)
    average = average * 0.15 + seen[2][0] * 0.85  # 2 / 12 would be more than asked for
    average = average * 0.15 + seen[3][0] * 0.85
    assert np.allclose(optimizer.averages[0], average, atol=1e-6)
    plain = walk(adamw(), 4)
    assert np.array_equal(seen[3][0], plain[3][0])  # averaging does not touch the training


def test_weights_are_swapped_for_their_averages_and_back_even_after_an_error() -> None:
    optimizer, tuned = paced(ema=0.9), variables()
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


def test_without_an_average_nothing_is_kept_or_swapped() -> None:
    optimizer, tuned = paced(), variables()
    optimizer.build(tuned)
    assert optimizer.averages == []
    assert len(optimizer.variables) == 2 + 2 * len(tuned)  # iteration, learning rate; two moments each
    with optimizer.use_averages(tuned):
        assert np.array_equal(tuned[0], START["kernel"])
