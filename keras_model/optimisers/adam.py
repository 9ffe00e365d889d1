"""PyTorch's Adam and AdamW in Keras, step by step the same numbers."""

from typing import Any, NamedTuple

import keras
from keras import ops
from keras.optimizers.schedules import LearningRateSchedule

from keras_model.layers import PACKAGE
from keras_model.optimisers.schedules import as_scalar
from keras_model.optimisers.stepping import TorchOptimizer, as_number, as_tensors


class _AdamScalars(NamedTuple):
    """What a step of Adam has in common for all variables; q is 1 - beta."""

    rate: Any
    step_size: Any
    root: Any
    q1: Any
    q2: Any


@keras.saving.register_keras_serializable(PACKAGE)
class TorchAdam(TorchOptimizer):
    """``torch.optim.Adam``: L2 in the gradient, epsilon outside the bias correction.

    Kingma and Ba, 2015, arxiv.org/abs/1412.6980, algorithm 1:
    g = gradient + weight_decay w; m = m + (1 - beta1) (g - m); v = beta2 v + (1 - beta2) g^2;
    w = w - rate / (1 - beta1^t) m / (sqrt(v) / sqrt(1 - beta2^t) + epsilon).

    Keras' Adam differs twice: its ``weight_decay`` is AdamW's, and its epsilon is divided by sqrt(1 - beta2^t).
    Where a `OneCycle` cycles beta1, the bias correction takes this step's beta1 to the power of t, as PyTorch's does.

    Parameters
    ----------
    learning_rate : float or LearningRateSchedule
    beta_1, beta_2, epsilon
    weight_decay : float
        The coefficient of L2 on every variable.
    global_clipnorm, clipvalue : float, optional
        Greatest norm of all gradients together, or size of any of their values; not both.
    loss_scale_factor : float, optional
        As in Keras.
    name : str, optional

    Attributes
    ----------
    exp_avg, exp_avg_sq : list of keras.Variable
        m and v in the order of the trainable variables, under PyTorch's names; `iterations` is its step.
    """

    def __init__(
        self,
        learning_rate: float | LearningRateSchedule = 0.001,
        beta_1: float = 0.9,
        beta_2: float = 0.999,
        epsilon: float = 1e-8,
        weight_decay: float = 0.0,
        global_clipnorm: float | None = None,
        clipvalue: float | None = None,
        loss_scale_factor: float | None = None,
        name: str | None = None,
    ) -> None:
        super().__init__(learning_rate, weight_decay, global_clipnorm, clipvalue, loss_scale_factor, name)
        for beta in (beta_1, beta_2):
            if not 0 <= beta < 1:
                raise ValueError(f"beta={beta}: must be from 0 to below 1")
        self.beta_1 = beta_1
        self.beta_2 = beta_2
        self.epsilon = epsilon

    def build(self, variables) -> None:
        """Create m and v of every variable."""
        if not self.built:
            super().build(variables)
            self.exp_avg, self.exp_avg_sq = self.add_optimizer_variables(variables, ["exp_avg", "exp_avg_sq"])

    def _own_momentum(self) -> float:
        return self.beta_1

    def _scalars(self, learning_rate) -> _AdamScalars:
        """1 - beta^t computed as -expm1(t log1p(-q)), which in float32 keeps the digits that 1 - 0.999 loses."""
        q1, q2 = as_scalar(1 - self.current_momentum()), as_scalar(1 - self.beta_2)
        step = as_scalar(self.iterations + 1)
        corrections = [-ops.expm1(step * ops.log1p(-q)) for q in (q1, q2)]
        rate = as_scalar(learning_rate)
        return _AdamScalars(rate, rate / corrections[0], ops.sqrt(corrections[1]), q1, q2)

    def update_step(self, gradient, variable, learning_rate) -> None:
        """One variable's step; `learning_rate` stands for the step's scalars."""
        index = self._get_variable_index(variable)
        m, v, weights = as_tensors(self.exp_avg[index], self.exp_avg_sq[index], variable)
        rate, step_size, root, q1, q2 = (ops.cast(scalar, variable.dtype) for scalar in learning_rate)
        gradient = ops.cast(gradient, variable.dtype)
        if decay := self._decay_of(variable):
            weights, gradient = self._decayed(decay, weights, gradient, rate)
        m = m + q1 * (gradient - m)
        v = (1 - q2) * v + q2 * gradient * gradient
        self.assign(self.exp_avg[index], m)
        self.assign(self.exp_avg_sq[index], v)
        self.assign(variable, weights - step_size * m / (ops.sqrt(v) / root + self.epsilon))

    def _decayed(self, decay: float, weights, gradient, rate):
        return weights, gradient + decay * weights

    def _own_settings(self) -> dict[str, Any]:
        betas = (as_number(self.current_momentum()), self.beta_2)
        return {"betas": betas, "eps": self.epsilon, "decoupled_weight_decay": isinstance(self, TorchAdamW)}

    def get_config(self) -> dict:
        """What ``from_config`` needs."""
        return {**super().get_config(), "beta_1": self.beta_1, "beta_2": self.beta_2, "epsilon": self.epsilon}


@keras.saving.register_keras_serializable(PACKAGE)
class TorchAdamW(TorchAdam):
    """``torch.optim.AdamW``: w = w (1 - rate weight_decay), then Adam's step without L2.

    Loshchilov and Hutter, 2019, arxiv.org/abs/1711.05101.

    Parameters
    ----------
    As in `TorchAdam`; PyTorch's default weight_decay is 0.01.
    """

    def __init__(
        self, learning_rate: float | LearningRateSchedule = 0.001, *, weight_decay: float = 0.01, **settings
    ) -> None:
        super().__init__(learning_rate, weight_decay=weight_decay, **settings)

    def _decayed(self, decay: float, weights, gradient, rate):
        return weights * (1 - rate * decay), gradient
