"""The dataset that Keras reads: all batches, in order, without a wait at the end of a pass."""

import time

import numpy as np
import pytest
import tensorflow as tf

from facegender.training.batches import Batch
from facegender.training.tf_dataset import as_dataset


class Numbers:
    """Batch b holds the number b; even batches take longer."""

    workers = 3

    def __init__(self) -> None:
        self.asked: list[int] = []

    def __len__(self) -> int:
        return 7

    def __getitem__(self, batch: int) -> Batch:
        self.asked.append(batch)
        time.sleep(0.01 * (1 - batch % 2))
        size = 4 if batch < 6 else 1
        return np.full((size, 2), batch, np.float32), np.zeros((size, 1), np.float32), np.ones(size, np.float32)


class Broken(Numbers):
    """The fourth batch cannot be read."""

    def __getitem__(self, batch: int) -> Batch:
        if batch == 3:
            raise OSError("the disk is gone")
        return super().__getitem__(batch)


def test_batches_come_in_order_and_the_last_may_be_smaller() -> None:
    numbers = Numbers()
    dataset = as_dataset(numbers)
    assert int(dataset.cardinality()) == 7  # Keras takes its number of steps from this
    read = [inputs.numpy()[:, 0].tolist() for inputs, _, _ in dataset]
    assert read == [*([float(batch)] * 4 for batch in range(6)), [6.0]]
    assert sorted(numbers.asked) == list(range(7))  # once each: in online mode a batch means decoding 32 pictures


def test_autotuning_is_off_so_that_a_pass_ends_at_once() -> None:
    assert as_dataset(Numbers()).options().autotune.enabled is False


def test_an_error_in_a_batch_ends_the_pass_with_its_message() -> None:
    with pytest.raises(tf.errors.OpError, match="the disk is gone"):
        list(as_dataset(Broken()))
