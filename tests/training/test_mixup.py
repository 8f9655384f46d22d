"""Blends: their numbers, their randomness, and that the loss of a blend is the loss of both labels."""

import keras
import numpy as np

from facegender.training.batches import FeatureBatches, Rows
from facegender.training.loop import is_correct
from facegender.training.mixup import MixedBatches, blend


class Constant:
    """A view in which row r holds the number r four times."""

    shape = (4,)

    def read(self, rows: np.ndarray) -> np.ndarray:
        return np.repeat(rows[:, None], 4, axis=1).astype(np.float16)


def batches(count: int, size: int) -> FeatureBatches:
    labels = (np.arange(count) % 2).astype(np.float32)
    rows = Rows(np.arange(count), labels, np.ones(count, np.float32), np.zeros(count, np.int64))
    return FeatureBatches([Constant()], rows, size)  # type: ignore[list-item]


def test_a_blend_by_hand() -> None:
    inputs = np.array([[[0.0, 10.0]], [[100.0, 110.0]]], np.float32)
    labels, weights = np.array([[0.0], [1.0]], np.float32), np.array([1.0, 3.0], np.float32)
    share = np.array([0.75, 0.5], np.float32)
    mixed, label, weight = blend((inputs, labels, weights), share, np.array([1, 0]))
    assert np.allclose(mixed, [[[25.0, 35.0]], [[50.0, 60.0]]])  # a quarter of 100 on 0; halves
    # 0.75 of weight 1 at label 0 and 0.25 of weight 3 at label 1: 1.5, of which half at label 1; then 0.5 and 1.5
    assert np.allclose(weight, [1.5, 2.0])
    assert np.allclose(label, [[0.5], [0.75]])


def test_the_loss_of_a_blend_is_the_loss_of_both_labels() -> None:
    rng = np.random.default_rng(3)
    labels, weights = (np.arange(6) % 2).astype(np.float32)[:, None], rng.uniform(0.5, 2.0, 6).astype(np.float32)
    logits, share, partner = rng.normal(size=(6, 1)), rng.uniform(size=6).astype(np.float32), rng.permutation(6)
    loss = keras.losses.BinaryCrossentropy(from_logits=True, label_smoothing=0.1, reduction="none")
    _, label, weight = blend((np.zeros((6, 2), np.float32), labels, weights), share, partner)
    together = weight * np.asarray(loss(label, logits))
    own = share * weights * np.asarray(loss(labels, logits))
    other = (1 - share) * weights[partner] * np.asarray(loss(labels[partner], logits))
    assert np.allclose(together, own + other, atol=1e-5)


def test_every_row_is_blended_and_an_epoch_can_be_drawn_again() -> None:
    source = batches(10, 4)
    mixed = MixedBatches(source, 0.4, 7, 3)
    assert [len(mixed[place][1]) for place in range(len(mixed))] == [4, 4, 2]
    assert all(np.array_equal(*pair) for pair in zip(mixed[1], MixedBatches(source, 0.4, 7, 3)[1], strict=True))
    others = [MixedBatches(source, 0.4, 7, 4)[1], MixedBatches(source, 0.4, 8, 3)[1], mixed[0]]
    assert all(not np.array_equal(mixed[1][0], other[0]) for other in others)
    # a row and its partner are in the same batch, which holds rows 4 to 7
    assert mixed[1][0].min() >= 4
    assert mixed[1][0].max() <= 7


def test_an_answer_to_a_blend_is_correct_on_the_side_of_the_larger_share() -> None:
    labels, logits = np.array([[0.0], [1.0], [0.3], [0.7]]), np.array([[-1.0], [-1.0], [-0.1], [2.0]])
    assert np.asarray(is_correct(keras.ops.array(labels), keras.ops.array(logits)))[:, 0].tolist() == [
        1.0,
        0.0,
        1.0,
        1.0,
    ]
