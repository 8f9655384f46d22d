"""What Keras reads: all batches, in order, and nothing that keeps a finished pass waiting."""

import time

import numpy as np
import pytest
import tensorflow as tf

from facegender.training.batches import Batch
from facegender.training.tf_dataset import as_dataset


class Numbers:
    """Batch b is the number b; those with even numbers take longer."""

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
    """Its fourth batch cannot be read."""

    def __getitem__(self, batch: int) -> Batch:
        if batch == 3:
            raise OSError("the disk is gone")
        return super().__getitem__(batch)


def test_batches_come_in_order_and_the_last_may_be_smaller() -> None:
    numbers = Numbers()
    dataset = as_dataset(numbers)
    assert int(dataset.cardinality()) == 7  # Keras counts its steps by it
    read = [inputs.numpy()[:, 0].tolist() for inputs, _, _ in dataset]
    assert read == [*([float(batch)] * 4 for batch in range(6)), [6.0]]
    assert sorted(numbers.asked) == list(range(7))  # each once: in online mode a batch is 32 pictures to decode


def test_no_tuner_keeps_the_end_of_a_pass_waiting() -> None:
    assert as_dataset(Numbers()).options().autotune.enabled is False


def test_what_stops_a_batch_stops_the_pass_and_says_why() -> None:
    with pytest.raises(tf.errors.OpError, match="the disk is gone"):
        list(as_dataset(Broken()))
