"""PyTorch's learning rate schedules in Keras, as closed forms of the number of steps taken.

Source: docs.pytorch.org/docs/stable/optim.html, and the code of ``torch.optim.lr_scheduler`` 2.13. A constant learning
rate is a float: Keras' optimisers take one.
"""

import math
from itertools import pairwise
from typing import Any, Literal

import keras
import numpy as np
from keras import ops

from keras_model.layers import PACKAGE


def scalar_dtype() -> str:
    """float64 for a step's scalars, as in PyTorch; float32 on JAX, unless it has been allowed 64 bits."""
    zero: Any = ops.convert_to_tensor(np.zeros((), "float64"))
    return keras.backend.standardize_dtype(zero.dtype)


def as_scalar(value) -> Any:
    """A tensor of `scalar_dtype`; `ops.cast` on TensorFlow would round a float to float32 before it widens it."""
    return ops.convert_to_tensor(value, scalar_dtype())


def half_cosine(left):
    """(1 - cos(pi left)) / 2 = sin^2(pi left / 2) for -1 <= left <= 1, by Taylor's series of the sine.

    The square keeps its digits in float32 where it is small. Keras' own sine rounds float64 to float32 on JAX.
    """
    angle = math.pi / 2 * left
    square = angle * angle
    series = 1.0
    for number in range(24, 0, -2):
        series = 1 - square / (number * (number + 1)) * series
    return angle * angle * series * series


class TorchSchedule(keras.optimizers.schedules.LearningRateSchedule):
    """A schedule that may also say the momentum of SGD, or the beta1 of Adam."""

    def momentum(self, step) -> Any:
        """Momentum after `step` steps; None where the optimiser keeps its own."""

    def torch_settings(self) -> dict[str, float]:
        """What PyTorch's schedule keeps in the optimiser's settings, and asks for where it goes on."""
        return {"initial_lr": self.get_config()["learning_rate"]}


@keras.saving.register_keras_serializable(PACKAGE)
class OneCycle(TorchSchedule):
    """``OneCycleLR`` stepped after every batch: learning rate up and down once, momentum (beta1) the other way.

    From ``max_learning_rate / div_factor`` up to ``max_learning_rate`` in the first ``pct_start`` of the steps, then to
    ``max_learning_rate / div_factor / final_div_factor``. Between a and b, with p of the phase gone:
    cos: b + (a - b) (1 + cos(pi p)) / 2; linear: a + (b - a) p. Smith and Topin, 2019, doi 10.1117/12.2520589.

    The cosine is computed as a sin^2(pi (1 - p) / 2) + b sin^2(pi p / 2), which is equal. After the last step, where
    PyTorch raises, the schedule stays where it is.

    Parameters
    ----------
    max_learning_rate : float
    total_steps : int
        Epochs times batches per epoch.
    pct_start, anneal_strategy, cycle_momentum, base_momentum, max_momentum, div_factor, final_div_factor, three_phase
        As in PyTorch. Three phases: up, down to where it began in as many steps, then the rest down to the end.

    Raises
    ------
    ValueError
        If a setting is out of range, or a phase would last no step.
    """

    def __init__(
        self,
        max_learning_rate: float,
        total_steps: int,
        pct_start: float = 0.3,
        anneal_strategy: Literal["cos", "linear"] = "cos",
        cycle_momentum: bool = True,
        base_momentum: float = 0.85,
        max_momentum: float = 0.95,
        div_factor: float = 25.0,
        final_div_factor: float = 1e4,
        three_phase: bool = False,
        name: str = "OneCycle",
    ) -> None:
        self.settings = {key: value for key, value in locals().items() if key not in {"self", "__class__"}}
        if total_steps < 1:
            raise ValueError(f"total_steps={total_steps}: must be at least 1")
        if not 0 <= pct_start <= 1:
            raise ValueError(f"pct_start={pct_start}: must be from 0 to 1")
        if anneal_strategy not in {"cos", "linear"}:
            raise ValueError(f"anneal_strategy={anneal_strategy!r}: must be 'cos' or 'linear'")
        self.total_steps = total_steps
        self.is_cosine = anneal_strategy == "cos"
        self.cycle_momentum = cycle_momentum
        self.name = name
        initial = max_learning_rate / div_factor
        middle = ([2 * pct_start * total_steps - 2], [initial]) if three_phase else ([], [])
        self.ends = [0.0, pct_start * total_steps - 1, *middle[0], total_steps - 1.0]
        self.rates = [initial, max_learning_rate, *middle[1], initial / final_div_factor]
        self.momenta = [max_momentum, base_momentum, *([max_momentum] * (len(self.ends) - 2))]
        for number, (first, last) in enumerate(pairwise(self.ends), start=1):
            if first == last:
                raise ValueError(f"phase {number} of the cycle lasts no step: choose another pct_start or total_steps")

    def __call__(self, step):
        """Learning rate of the batch after `step` batches."""
        return self._annealed(step, self.rates)

    def momentum(self, step):
        """Momentum, or beta1, of the batch after `step` batches; None if it is not cycled."""
        return self._annealed(step, self.momenta) if self.cycle_momentum else None

    def torch_settings(self) -> dict[str, float]:
        """The bounds of the cycle."""
        rates = {"initial_lr": self.rates[0], "max_lr": self.rates[1], "min_lr": self.rates[-1]}
        momenta = {"max_momentum": self.momenta[0], "base_momentum": self.momenta[1]}
        return rates | momenta if self.cycle_momentum else rates

    def _annealed(self, step, bounds: list[float]):
        """All phases are computed, as if each were this step's, and the right one is taken."""
        step = ops.cast(ops.minimum(step, self.total_steps), scalar_dtype())
        ends = as_scalar(self.ends)
        left = ops.clip((ends[1:] - step) / (ends[1:] - ends[:-1]), -1.0, 1.0)
        weigh = half_cosine if self.is_cosine else lambda share: share
        annealed = as_scalar(bounds[:-1]) * weigh(left) + as_scalar(bounds[1:]) * weigh(1 - left)
        return ops.take(annealed, ops.sum(ops.cast(step > ends[1:-1], "int32")))

    def get_config(self) -> dict:
        """What ``from_config`` needs."""
        return dict(self.settings)


@keras.saving.register_keras_serializable(PACKAGE)
class StepDecay(TorchSchedule):
    """``StepLR``: learning_rate gamma^floor(t / step_size), t the times that it was stepped.

    Parameters
    ----------
    learning_rate : float
    step_size : int
    gamma : float
    every : int
        Batches from one stepping to the next: the batches of an epoch, if stepped per epoch.
    """

    def __init__(
        self, learning_rate: float, step_size: int, gamma: float = 0.1, every: int = 1, name: str = "StepDecay"
    ) -> None:
        self.learning_rate = learning_rate
        self.step_size = step_size
        self.gamma = gamma
        self.every = every
        self.name = name

    def __call__(self, step):
        """Learning rate of the batch after `step` batches."""
        drops = ops.cast(ops.floor_divide(step, self.every * self.step_size), scalar_dtype())
        return self.learning_rate * ops.power(as_scalar(self.gamma), drops)

    def get_config(self) -> dict:
        """What ``from_config`` needs."""
        return {name: getattr(self, name) for name in ("learning_rate", "step_size", "gamma", "every", "name")}


@keras.saving.register_keras_serializable(PACKAGE)
class CosineAnnealing(TorchSchedule):
    """``CosineAnnealingLR``: minimum + (learning_rate - minimum) (1 + cos(pi t / half_period)) / 2.

    t is the times that it was stepped. Past half_period the rate rises again, as PyTorch's does. Loshchilov and Hutter,
    2017, arxiv.org/abs/1608.03983.

    Parameters
    ----------
    learning_rate : float
    half_period : int
        ``T_max``.
    minimum : float
        ``eta_min``.
    every : int
        Batches from one stepping to the next: the batches of an epoch, if stepped per epoch.
    """

    def __init__(
        self,
        learning_rate: float,
        half_period: int,
        minimum: float = 0.0,
        every: int = 1,
        name: str = "CosineAnnealing",
    ) -> None:
        self.learning_rate = learning_rate
        self.half_period = half_period
        self.minimum = minimum
        self.every = every
        self.name = name

    def __call__(self, step):
        """Learning rate of the batch after `step` batches."""
        times = ops.cast(ops.mod(ops.floor_divide(step, self.every), 2 * self.half_period), scalar_dtype())
        share = half_cosine(1 - times / self.half_period)
        return self.minimum + (self.learning_rate - self.minimum) * share

    def get_config(self) -> dict:
        """What ``from_config`` needs."""
        return {name: getattr(self, name) for name in ("learning_rate", "half_period", "minimum", "every", "name")}
