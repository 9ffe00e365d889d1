"""PyTorch's SGD in Keras, step by step the same numbers."""

from typing import Any, NamedTuple

import keras
from keras import ops
from keras.optimizers.schedules import LearningRateSchedule

from keras_model.layers import PACKAGE
from keras_model.optimisers.schedules import as_scalar
from keras_model.optimisers.stepping import TorchOptimizer, as_number, as_tensors


class _SGDScalars(NamedTuple):
    """What a step of SGD has in common for all variables."""

    rate: Any
    momentum: Any
    is_first: Any


@keras.saving.register_keras_serializable(PACKAGE)
class TorchSGD(TorchOptimizer):
    """``torch.optim.SGD``: L2 in the gradient, the learning rate outside the momentum.

    g = gradient + weight_decay w; b = momentum b + (1 - dampening) g, at the first step b = g;
    w = w - rate b, or w - rate (g + momentum b) with Nesterov's momentum.

    Keras' SGD has the learning rate inside b, which differs as soon as a schedule changes it.

    Parameters
    ----------
    learning_rate : float or LearningRateSchedule
    momentum, dampening : float
    nesterov : bool
    weight_decay : float
        The coefficient of L2 on every variable.
    global_clipnorm, clipvalue, loss_scale_factor, name
        As in `TorchAdam`.

    Attributes
    ----------
    momentum_buffer : list of keras.Variable
        b in the order of the trainable variables, under PyTorch's name; empty without momentum.
    """

    def __init__(
        self,
        learning_rate: float | LearningRateSchedule = 0.001,
        momentum: float = 0.0,
        dampening: float = 0.0,
        nesterov: bool = False,
        weight_decay: float = 0.0,
        global_clipnorm: float | None = None,
        clipvalue: float | None = None,
        loss_scale_factor: float | None = None,
        name: str | None = None,
    ) -> None:
        super().__init__(learning_rate, weight_decay, global_clipnorm, clipvalue, loss_scale_factor, name)
        if momentum < 0:
            raise ValueError(f"momentum={momentum}: must not be negative")
        if nesterov and (momentum == 0 or dampening):
            raise ValueError("nesterov: needs a momentum and no dampening")
        self.momentum = momentum
        self.dampening = dampening
        self.nesterov = nesterov

    def build(self, variables) -> None:
        """Create the buffer of every variable."""
        if not self.built:
            super().build(variables)
            self.momentum_buffer = []
            if not isinstance(self.current_momentum(), int | float) or self.momentum:
                self.momentum_buffer = self.add_optimizer_variables(variables, "momentum_buffer")

    def _own_momentum(self) -> float:
        return self.momentum

    def _scalars(self, learning_rate) -> _SGDScalars:
        is_first = ops.equal(self.iterations, 0)
        return _SGDScalars(as_scalar(learning_rate), as_scalar(self.current_momentum()), is_first)

    def update_step(self, gradient, variable, learning_rate) -> None:
        """One variable's step; `learning_rate` stands for the step's scalars."""
        rate, momentum, is_first = learning_rate
        rate, momentum = ops.cast(rate, variable.dtype), ops.cast(momentum, variable.dtype)
        gradient = ops.cast(gradient, variable.dtype)
        (weights,) = as_tensors(variable)
        if decay := self._decay_of(variable):
            gradient = gradient + decay * weights
        if self.momentum_buffer:
            kept = self.momentum_buffer[self._get_variable_index(variable)]
            (buffer,) = as_tensors(kept)
            buffer: Any = ops.where(is_first, gradient, momentum * buffer + (1 - self.dampening) * gradient)
            self.assign(kept, buffer)
            gradient = gradient + momentum * buffer if self.nesterov else buffer
        self.assign(variable, weights - rate * gradient)

    def _own_settings(self) -> dict[str, Any]:
        momentum = as_number(self.current_momentum())
        return {"momentum": momentum, "dampening": self.dampening, "nesterov": self.nesterov}

    def get_config(self) -> dict:
        """What ``from_config`` needs."""
        own = {"momentum": self.momentum, "dampening": self.dampening, "nesterov": self.nesterov}
        return {**super().get_config(), **own}
