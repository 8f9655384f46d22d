"""AdamW in which every variable has a pace of its own, and which keeps a moving average of the weights.

Keras has both in other forms that do not serve here: layers that are made trainable later need a new compilation and a
new optimizer, whose state a checkpoint would have to join; and Keras's own average overwrites the weights at the end
of every `fit` (keras issue 18949).
"""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

import keras
import numpy as np

from facegender.training.layer_rates import LayerRate

NO_DECAY = ("bias", "gamma", "beta")
SLOW = 10  # steps: the average of step n (from 0) gives the weights no less than SLOW / (n + SLOW)


class LayerwiseAdamW(keras.optimizers.Adam):
    """AdamW (Loshchilov and Hutter 2019); biases, gamma and beta do not decay.

    A variable's pace multiplies the learning rate, and with it the whole step, decay included; a multiplied gradient
    would not do, because Adam divides by the gradient's size. Before its start a variable stands still, decay
    included, while Adam's moments follow its gradients: it sets off with the same statistics as its neighbours.

    Parameters
    ----------
    rates
        By the variable's path; 1 from step 0 on for those that are missing.
    ema
        Momentum of the average; 0: none is kept. At step n from 0 it is no more than n / (n + 10), so
        that the average forgets where it began (polynomial-decay averaging, Shamir and Zhang 2013).
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
        """Called by Keras, or by whoever is to set the state."""
        if self.built:
            return
        super().build(var_list)
        self._rates = [self._rate_of.get(variable.path, LayerRate()) for variable in var_list]
        self._decays = [not any(part in variable.name for part in NO_DECAY) for variable in var_list]
        if self.ema:
            self.averages = self.add_optimizer_variables(var_list, "average")

    def update_step(self, gradient: Any, variable: Any, learning_rate: Any) -> None:
        """Called by Keras for one variable, float32."""
        place, ops = self._find_index(variable), keras.ops
        rate, layer_rate = ops.cast(learning_rate, variable.dtype), self._rates[place]
        if layer_rate.share != 1.0:
            rate = rate * layer_rate.share
        if layer_rate.start:
            rate = rate * ops.cast(self.iterations >= layer_rate.start, variable.dtype)
        if self._decays[place]:
            self.assign_sub(variable, variable * (ops.cast(self.decay, variable.dtype) * rate))
        super().update_step(gradient, variable, rate)
        if self.ema:
            step = ops.cast(self.iterations, variable.dtype)
            momentum = ops.minimum(ops.cast(self.ema, variable.dtype), step / (step + SLOW))
            average = self.averages[place]
            self.assign_sub(average, (1.0 - momentum) * (average - variable))

    def _find_index(self, variable: Any) -> int:
        """Return the variable's place among those that the optimizer was built with.

        `_get_variable_index` is private to Keras, whose own example of an optimizer uses it; there is no public one.
        """
        index: int = self._get_variable_index(variable)
        return index

    @contextmanager
    def use_averages(self, variables: Sequence[keras.Variable]) -> Iterator[None]:
        """Within, the variables that the optimizer was built with have their averages' values; then their own again."""
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
