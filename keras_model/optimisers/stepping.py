"""PyTorch's Adam, AdamW and SGD in Keras, step by step the same numbers.

Source: docs.pytorch.org/docs/stable/optim.html, and the code of ``torch.optim`` 2.13. Gradients are clipped as by
``torch.nn.utils.clip_grad_norm_`` and ``clip_grad_value_`` between ``backward`` and ``step``: before L2 is added.
"""

from collections.abc import Mapping
from typing import Any, NamedTuple

import keras
from keras import ops
from keras.optimizers.schedules import LearningRateSchedule

from keras_model.layers import PACKAGE
from keras_model.schedules import TorchSchedule, as_scalar, scalar_dtype
from porting.jobs.states import OptimiserState
from porting.port.side import array_of

SLOTS = ("exp_avg", "exp_avg_sq", "momentum_buffer")
"""What the optimisers keep for each variable, under PyTorch's names."""


class _TorchOptimizer(keras.optimizers.Optimizer):
    """What the three have in common: clipping, and a step's scalars in float64, computed once for all variables.

    Under ``tf.distribute`` gradients are summed over the replicas before they are clipped, unless they are sums already
    (`is_given_sums`); Keras would sum what each replica has clipped.
    """

    is_given_sums = False

    def __init__(
        self,
        learning_rate,
        weight_decay: float,
        global_clipnorm: float | None,
        clipvalue: float | None,
        loss_scale_factor: float | None,
        name: str | None,
    ) -> None:
        super().__init__(
            learning_rate,
            weight_decay=weight_decay,
            global_clipnorm=global_clipnorm,
            clipvalue=clipvalue,
            loss_scale_factor=loss_scale_factor,
            name=name,
        )
        if weight_decay < 0:
            raise ValueError(f"weight_decay={weight_decay}: must not be negative")
        if isinstance(learning_rate, float):
            self._keep_exactly(learning_rate)

    def _keep_exactly(self, learning_rate: float) -> None:
        """In float64, as PyTorch's floats are; Keras would round it to floatx."""
        exact = keras.Variable(
            learning_rate, dtype=scalar_dtype(), trainable=False, aggregation="only_first_replica", name="learning_rate"
        )
        self._untrack_variable(self._learning_rate)
        self._track_variable(exact)
        self._learning_rate = exact

    def current_momentum(self) -> Any:
        """Momentum of SGD, or beta1 of Adam, at the next step: the schedule's if it cycles it, else the optimiser's."""
        scheduled = None
        if isinstance(self._learning_rate, TorchSchedule):
            scheduled = self._learning_rate.momentum(self._iterations)
        return self._own_momentum() if scheduled is None else scheduled

    def _own_momentum(self) -> float:
        raise NotImplementedError

    def _scalars(self, learning_rate):
        raise NotImplementedError

    def _backend_update_step(self, grads, trainable_variables, learning_rate) -> None:
        super()._backend_update_step(grads, trainable_variables, self._scalars(learning_rate))

    def _apply_weight_decay(self, variables) -> None:
        """Nothing: Keras would decay here, `update_step` does it as PyTorch does."""

    def _summed(self, grads):
        if self.is_given_sums or not hasattr(super(), "_all_reduce_sum_gradients"):
            return grads
        paired = super()._all_reduce_sum_gradients([(gradient, None) for gradient in grads])
        return [gradient for gradient, _ in paired]

    def _all_reduce_sum_gradients(self, grads_and_vars):
        """Nothing: Keras would sum here, `_clip_gradients` has."""
        return grads_and_vars

    def _clip_gradients(self, grads):
        """By value, or all together by g min(1, c / (|g| + 1e-6)), |g| the norm of all gradients as one vector."""
        grads = self._summed(grads)
        if self.clipvalue is not None:
            limits: list[Any] = [ops.convert_to_tensor(self.clipvalue, gradient.dtype) for gradient in grads]
            return [ops.clip(gradient, -limit, limit) for gradient, limit in zip(grads, limits, strict=True)]
        if self.global_clipnorm is None:
            return grads
        squares = [ops.sum(ops.square(gradient)) for gradient in grads]
        share = ops.clip(self.global_clipnorm / (ops.sqrt(sum(squares)) + 1e-6), 0.0, 1.0)
        return [gradient * ops.cast(share, gradient.dtype) for gradient in grads]

    def torch_settings(self) -> dict[str, Any]:
        """The settings of PyTorch's optimiser for the next step, under its names."""
        schedule = self._learning_rate.torch_settings() if isinstance(self._learning_rate, TorchSchedule) else {}
        return {
            "lr": _number(self.learning_rate),
            "weight_decay": self.weight_decay,
            **self._own_settings(),
            **schedule,
        }

    def _own_settings(self) -> dict[str, Any]:
        raise NotImplementedError

    def _decay_of(self, variable) -> float:
        return self.weight_decay if self._use_weight_decay(variable) else 0.0

    def get_config(self) -> dict:
        """What all three need; nothing that only Keras' own optimisers have."""
        names = ("name", "learning_rate", "weight_decay", "global_clipnorm", "clipvalue", "loss_scale_factor")
        config = super().get_config()
        return {name: config[name] for name in names}


def _number(value: Any) -> float:
    return array_of(value).item()


def _tensors(*variables) -> list[Any]:
    """The backend's own tensors; a Keras variable times a float rounds the float to float32 on JAX and PyTorch."""
    return [ops.convert_to_tensor(variable) for variable in variables]


class _AdamScalars(NamedTuple):
    """What a step of Adam has in common for all variables; q is 1 - beta."""

    rate: Any
    step_size: Any
    root: Any
    q1: Any
    q2: Any


@keras.saving.register_keras_serializable(PACKAGE)
class TorchAdam(_TorchOptimizer):
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
        m, v, weights = _tensors(self.exp_avg[index], self.exp_avg_sq[index], variable)
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
        betas = (_number(self.current_momentum()), self.beta_2)
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


class _SGDScalars(NamedTuple):
    """What a step of SGD has in common for all variables."""

    rate: Any
    momentum: Any
    is_first: Any


@keras.saving.register_keras_serializable(PACKAGE)
class TorchSGD(_TorchOptimizer):
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
        (weights,) = _tensors(variable)
        if decay := self._decay_of(variable):
            gradient = gradient + decay * weights
        if self.momentum_buffer:
            kept = self.momentum_buffer[self._get_variable_index(variable)]
            (buffer,) = _tensors(kept)
            buffer: Any = ops.where(is_first, gradient, momentum * buffer + (1 - self.dampening) * gradient)
            self.assign(kept, buffer)
            gradient = gradient + momentum * buffer if self.nesterov else buffer
        self.assign(variable, weights - rate * gradient)

    def _own_settings(self) -> dict[str, Any]:
        momentum = _number(self.current_momentum())
        return {"momentum": momentum, "dampening": self.dampening, "nesterov": self.nesterov}

    def get_config(self) -> dict:
        """What ``from_config`` needs."""
        own = {"momentum": self.momentum, "dampening": self.dampening, "nesterov": self.nesterov}
        return {**super().get_config(), **own}


def from_torch_settings(settings: Mapping[str, Any]) -> TorchAdam | TorchSGD:
    """Build the twin of PyTorch's optimiser.

    Parameters
    ----------
    settings : Mapping
        Of a group of parameters in ``torch.optim.Optimizer.state_dict()``.

    Raises
    ------
    ValueError
        If it is none of Adam, AdamW and SGD, or has a setting that these have not: amsgrad, maximize.
    """
    if others := [name for name in ("amsgrad", "maximize") if settings.get(name)]:
        raise ValueError(f"{', '.join(others)}: TorchAdam and TorchSGD have no such setting")
    shared: dict[str, Any] = {"learning_rate": float(settings["lr"]), "weight_decay": float(settings["weight_decay"])}
    if "betas" in settings:
        kind = TorchAdamW if settings.get("decoupled_weight_decay") else TorchAdam
        first, second = settings["betas"]
        return kind(beta_1=float(first), beta_2=float(second), epsilon=settings["eps"], **shared)
    if "nesterov" in settings:
        return TorchSGD(**{name: settings[name] for name in ("momentum", "dampening", "nesterov")}, **shared)
    raise ValueError(f"it is neither Adam, AdamW nor SGD: its settings are {', '.join(settings)}")


def torch_settings(optimiser: keras.optimizers.Optimizer) -> dict[str, Any]:
    """The settings of an optimiser's twin in PyTorch, under its names.

    Raises
    ------
    ValueError
        If it is none of `TorchAdam`, `TorchAdamW` and `TorchSGD`.
    """
    if not isinstance(optimiser, _TorchOptimizer):
        raise ValueError(f"{type(optimiser).__name__} steps otherwise than PyTorch's optimisers; TorchAdam does not")
    return optimiser.torch_settings()


def carried(optimiser: keras.optimizers.Optimizer, model: keras.Model) -> OptimiserState:
    """What an optimiser carries to the next step of a model; parameters by the paths of their variables.

    Raises
    ------
    ValueError
        If it is none of `TorchAdam`, `TorchAdamW` and `TorchSGD`.
    """
    stepping: Any = getattr(optimiser, "inner_optimizer", optimiser)  # of one that scales losses
    settings, paths = torch_settings(stepping), [variable.path for variable in model.trainable_variables]
    slots = {
        slot: {path: array_of(variable) for path, variable in zip(paths, held, strict=True)}
        for slot in SLOTS
        if (held := getattr(stepping, slot, ()))
    }
    return OptimiserState(int(_number(stepping.iterations)), slots, settings)
