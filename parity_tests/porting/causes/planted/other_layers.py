"""Other layers in a port's graph: what may stand in a right layer's place, before it or behind it."""

from collections.abc import Callable
from typing import Any

import keras
from keras import layers, ops

from parity_tests.porting.causes.fault import Change
from parity_tests.porting.zoo.sequences import SiamesePort
from parity_tests.porting.zoo.signals import Padding1D


def with_config(**changes: Any) -> Change:
    return lambda layer, *inputs: type(layer).from_config({**layer.get_config(), **changes})(*inputs)


def with_class(other: type) -> Change:
    return lambda layer, *inputs: other.from_config(layer.get_config())(*inputs)


def instead(make: Callable[[], Any]) -> Change:
    return lambda layer, *inputs: make()(*inputs)


def before(*makes: Callable[[], Any]) -> Change:
    return lambda layer, hidden: layer(in_a_row(makes, hidden))


def after(*makes: Callable[[], Any]) -> Change:
    return lambda layer, *inputs: in_a_row(makes, layer(*inputs))


def in_a_row(makes, hidden):
    for make in makes:
        hidden = make()(hidden)
    return hidden


def skipped(layer, hidden):
    return hidden


def only(number: int) -> Change:
    return lambda layer, inputs: inputs[number]


def reordered(layer, inputs):
    return layer(inputs[::-1])


def all_steps_then(make: Callable[[], Any]) -> Change:
    return lambda layer, hidden: make()(with_config(return_sequences=True)(layer, hidden))


def activation(name: str) -> Callable[[], Any]:
    return lambda: layers.Activation(name)


def padded(first: int, last: int, mode: str) -> Callable[[], Any]:
    return lambda: Padding1D(first, last, mode)


@keras.saving.register_keras_serializable("faults")
class Reverse(layers.Layer):
    """Reverses one axis."""

    def __init__(self, axis: int, **kwargs) -> None:
        super().__init__(**kwargs)
        self.axis = axis

    def call(self, inputs):
        return ops.flip(inputs, self.axis)

    def get_config(self):
        return {**super().get_config(), "axis": self.axis}


@keras.saving.register_keras_serializable("faults")
class Roll(layers.Layer):
    """Moves every point one on, the last one to the front."""

    def call(self, inputs):
        return ops.roll(inputs, 1, axis=1)


@keras.saving.register_keras_serializable("faults")
class AlignedUpsampling(layers.Layer):
    """Linear upsampling with aligned corners: (streamline, point, channel) -> (streamline, 2 point, channel)."""

    def call(self, inputs):
        points = inputs.shape[1]
        at = ops.cast(ops.arange(2 * points), inputs.dtype) * ((points - 1) / (2 * points - 1))
        left = ops.cast(ops.floor(at), "int32")
        share = ops.expand_dims(at - ops.cast(left, inputs.dtype), -1)
        return (1 - share) * ops.take(inputs, left, 1) + share * ops.take(inputs, ops.minimum(left + 1, points - 1), 1)


@keras.saving.register_keras_serializable("faults")
class ApproximateGelu(layers.Layer):
    """What `keras.ops.gelu` does unless told otherwise."""

    def call(self, inputs):
        return ops.gelu(inputs)


@keras.saving.register_keras_serializable("faults")
class LastingDropout(layers.Dropout):
    """Drops when the model is used, too."""

    def call(self, inputs, training=False):
        return super().call(inputs, training=True)


@keras.saving.register_keras_serializable("faults")
class BatchNormalization(layers.BatchNormalization):
    """Normalises by the batch, and gathers its statistics, when the model is used, too."""

    def call(self, inputs, training=None, mask=None):
        return super().call(inputs, training=True, mask=mask)


@keras.saving.register_keras_serializable("faults")
class SwappedSiamese(SiamesePort):
    """Subtracts the other way round."""

    def difference(self, left, right):
        return right - left


@keras.saving.register_keras_serializable("faults")
class SumSiamese(SiamesePort):
    """Adds where the reference subtracts."""

    def difference(self, left, right):
        return left + right


@keras.saving.register_keras_serializable("faults")
class SwappedOutputs(SiamesePort):
    """Returns its outputs in another order."""

    def call(self, inputs):
        left, difference = super().call(inputs)
        return difference, left


SHIFTED = (lambda: layers.ZeroPadding1D((1, 0)), lambda: layers.Cropping1D((0, 1)))
POINT_MAJOR = {
    "unflatten": lambda layer, hidden: layers.Reshape(layer.target_shape[::-1])(hidden),
    "point_major": skipped,
}
