"""AdamW with layer-wise learning rates and a moving average of the weights.

Keras has other forms of both, which do not work here. Layers that become trainable later need a new compilation and a
new optimizer, and a checkpoint would have to join the states of both. Keras's own average overwrites the weights at the
end of every `fit` (keras issue 18949).
"""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

import keras
import numpy as np

from facegender.training.layer_rates import LayerRate

NO_DECAY = ("bias", "gamma", "beta")
AVERAGE_WARMUP = 10  # steps; at step n, from 0, the weights enter the average with at least 10 / (n + 10)


class LayerwiseAdamW(keras.optimizers.Adam):
    """AdamW (Loshchilov and Hutter 2019) without decay of biases, gamma and beta.

    A variable's share multiplies the learning rate, and so the whole step with its decay. A smaller gradient would not
    do the same, because Adam divides by the gradient's size. Before its start a variable does not change or decay, but
    Adam's moments follow its gradients, so that it starts with the same statistics as its neighbours.

    Parameters
    ----------
    rates
        Rates by the variable's path; a variable that is missing has share 1 from step 0.
    ema
        Momentum of the average; 0 keeps none. At step n, counted from 0, it is at most n / (n + 10), so that the
        average forgets the initial weights (polynomial-decay averaging, Shamir and Zhang 2013).
    """

    def __init__(
        self,
        learning_rate: keras.optimizers.schedules.LearningRateSchedule | float,
        decay: float,
        rates: Mapping[str, LayerRate],
        ema: float = 0.0,
    ) -> None:
        super().__init__(learning_rate, name="adamw")
        self.decay, self.ema = decay, ema
        self._rate_of = dict(rates)
        self._rates: list[LayerRate] = []
        self._decays: list[bool] = []
        self.averages: list[keras.Variable] = []

    def build(self, var_list: Sequence[keras.Variable]) -> None:
        """Create the state; called by Keras, or before a checkpoint is restored."""
        if self.built:
            return
        super().build(var_list)
        self._rates = [self._rate_of.get(variable.path, LayerRate()) for variable in var_list]
        self._decays = [not any(part in variable.name for part in NO_DECAY) for variable in var_list]
        if self.ema:
            self.averages = self.add_optimizer_variables(var_list, "average")

    def update_step(self, gradient: Any, variable: Any, learning_rate: Any) -> None:
        """Update one float32 variable; called by Keras."""
        index, ops = self._find_index(variable), keras.ops
        rate, layer_rate = ops.cast(learning_rate, variable.dtype), self._rates[index]
        if layer_rate.share != 1.0:
            rate = rate * layer_rate.share
        if layer_rate.start:
            rate = rate * ops.cast(self.iterations >= layer_rate.start, variable.dtype)
        if self._decays[index]:
            self.assign_sub(variable, variable * (ops.cast(self.decay, variable.dtype) * rate))
        super().update_step(gradient, variable, rate)
        if self.ema:
            step = ops.cast(self.iterations, variable.dtype)
            momentum = ops.minimum(ops.cast(self.ema, variable.dtype), step / (step + AVERAGE_WARMUP))
            average = self.averages[index]
            self.assign_sub(average, (1.0 - momentum) * (average - variable))

    def _find_index(self, variable: Any) -> int:
        """Return the variable's place among those that the optimizer was built with.

        `_get_variable_index` is private to Keras, whose own example of an optimizer uses it; there is no public one.
        """
        index: int = self._get_variable_index(variable)
        return index

    @contextmanager
    def use_averages(self, variables: Sequence[keras.Variable]) -> Iterator[None]:
        """Inside the `with` block, the optimizer's variables have their averages' values; after it, their own again."""
        if not self.ema:
            yield
            return
        own = [np.asarray(variable).copy() for variable in variables]
        for variable, average in zip(variables, self.averages, strict=True):
            variable.assign(average)
        try:
            yield
        finally:
            for variable, value in zip(variables, own, strict=True):
                variable.assign(value)
