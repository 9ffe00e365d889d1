"""Ports with one fault each, as people make them, and where the verifier must say that it is."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import keras
from keras import layers, ops

import keras_model


@keras.saving.register_keras_serializable("faults")
class ZeroPadding(layers.ZeroPadding1D):
    """Pads with zeros where the reference reflects."""


@keras.saving.register_keras_serializable("faults")
class EdgePadding(layers.Layer):
    """Repeats the end point where the reference reflects: (streamline, point, channel) -> one more at either end."""

    def call(self, inputs):
        return ops.concatenate([inputs[:, :1], inputs, inputs[:, -1:]], axis=1)


@keras.saving.register_keras_serializable("faults")
class AlignedUpsampling(layers.Layer):
    """Linear upsampling with aligned corners: (streamline, point, channel) -> (streamline, 2 point, channel)."""

    def call(self, inputs):
        points = inputs.shape[1]
        at = ops.cast(ops.arange(2 * points), inputs.dtype) * ((points - 1) / (2 * points - 1))
        left = ops.cast(ops.floor(at), "int32")
        share = ops.expand_dims(at - ops.cast(left, inputs.dtype), -1)
        return (1 - share) * ops.take(inputs, left, 1) + share * ops.take(inputs, ops.minimum(left + 1, points - 1), 1)


@dataclass(frozen=True)
class Fault:
    """A port in which some layers are others, and where the models must part.

    Attributes
    ----------
    replacements : dict
        Layer name -> function of the right layer that gives the wrong one.
    where : str
        "inside" or "between".
    reference : str
        The layer at which they must part.
    """

    replacements: dict[str, Callable[[Any], Any]]
    where: str
    reference: str

    def build(self, **sizes) -> keras.Model:
        """Build the autoencoder with the fault in it."""
        right = keras_model.build_autoencoder(**sizes)
        encoder, decoder = (
            keras.models.clone_model(model, clone_function=self._wrong_layer)
            for model in (right.encoder, right.decoder)
        )
        streamlines = keras.Input(right.input_shape[1:])
        return keras.Model(streamlines, decoder(encoder(streamlines)))

    def _wrong_layer(self, layer):
        change = self.replacements.get(layer.name, lambda right: type(right).from_config(right.get_config()))
        return change(layer)


def with_config(**changes):
    return lambda right: type(right).from_config({**right.get_config(), **changes})


def no_activation(right):
    return layers.Activation("linear", name=right.name)


FAULTS = {
    "encoder flattened point by point": Fault(
        {"channel_major": lambda right: layers.Activation("linear", name=right.name)}, "between", "fc1"
    ),
    "decoder unflattened point by point": Fault(
        {
            "unflatten": lambda right: layers.Reshape(right.target_shape[::-1], name=right.name),
            "point_major": no_activation,
        },
        "between",
        "decod_conv1.1",
    ),
    "upsampling that repeats": Fault(
        {"upsample2": lambda right: layers.UpSampling1D(2, name=right.name)}, "between", "decod_conv3.1"
    ),
    "upsampling with aligned corners": Fault(
        {"upsample5": lambda right: AlignedUpsampling(name=right.name)}, "between", "decod_conv6.1"
    ),
    "zero padding": Fault({"encod_pad3": lambda right: ZeroPadding(1, name=right.name)}, "between", "encod_conv3.1"),
    "edge padding": Fault({"encod_pad1": lambda right: EdgePadding(name=right.name)}, "between", "encod_conv1.1"),
    "edge padding in the decoder": Fault(
        {"decod_pad6": lambda right: EdgePadding(name=right.name)}, "between", "decod_conv6.1"
    ),
    "same padding with a stride": Fault(
        {"encod_pad2": no_activation, "encod_conv2": with_config(padding="same")}, "between", "encod_conv2.1"
    ),
    "missing activation": Fault({"encod_relu4": no_activation}, "between", "encod_conv5.1"),
    "missing activation in the decoder": Fault({"decod_relu5": no_activation}, "between", "decod_conv6.1"),
    "activation of another kind": Fault(
        {"decod_relu1": lambda right: layers.LeakyReLU(0.01, name=right.name)}, "between", "decod_conv2.1"
    ),
    "activation inside a layer": Fault({"fc1": with_config(activation="relu")}, "inside", "fc1"),
    "activation after the last layer": Fault(
        {"decod_conv6": with_config(activation="tanh")}, "inside", "decod_conv6.1"
    ),
}
