"""What PyTorch's Adam, AdamW and SGD have in common in Keras: clipping, and a step's scalars.

Source: docs.pytorch.org/docs/stable/optim.html, and the code of ``torch.optim`` 2.13. Gradients are clipped as by
``torch.nn.utils.clip_grad_norm_`` and ``clip_grad_value_`` between ``backward`` and ``step``: before L2 is added.
"""

from typing import Any

import keras
from keras import ops

from keras_model.optimisers.schedules import TorchSchedule, scalar_dtype
from porting.port.side import array_of


class TorchOptimizer(keras.optimizers.Optimizer):
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
            "lr": as_number(self.learning_rate),
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


def as_number(value: Any) -> float:
    """A tensor's one value."""
    return array_of(value).item()


def as_tensors(*variables) -> list[Any]:
    """The backend's own tensors; a Keras variable times a float rounds the float to float32 on JAX and PyTorch."""
    return [ops.convert_to_tensor(variable) for variable in variables]
