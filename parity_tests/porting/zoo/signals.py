"""A model of signals, in both frameworks: depthwise and pointwise convolutions, poolings, activations."""

import keras
import numpy as np
import torch
from keras import layers, ops
from torch import nn
from torch.nn import functional


class Separable(nn.Module):
    """Depthwise and pointwise convolutions of signals, both poolings, and an activation of each kind."""

    def __init__(self, slope: float = 0.125) -> None:
        super().__init__()
        self.slope = slope
        self.stem = nn.Conv1d(4, 6, 5, stride=2, padding=2, padding_mode="circular")
        self.depthwise = nn.Conv1d(6, 12, 3, padding=1, groups=6)
        self.norm = nn.BatchNorm1d(12)
        self.pointwise = nn.Conv1d(12, 8, 1)
        self.group_norm = nn.GroupNorm(2, 8)
        self.dilated = nn.Conv1d(8, 8, 3, padding=2, dilation=2, groups=2)
        self.head = nn.Linear(128, 5)

    def forward(self, signals: torch.Tensor) -> torch.Tensor:
        """(sample, channel, point) -> (sample, label)."""
        hidden = functional.silu(self.stem(signals))
        hidden = functional.relu6(4 * self.norm(self.depthwise(hidden)))
        hidden = functional.avg_pool1d(self.pointwise(hidden), 3, stride=1, padding=1)
        hidden = functional.elu(self.group_norm(hidden))
        hidden = functional.leaky_relu(self.dilated(hidden), self.slope)
        pooled = [functional.max_pool1d(hidden, 3, stride=2, padding=1), functional.avg_pool1d(hidden, 2)]
        return torch.tanh(self.head(torch.cat(pooled, dim=1).flatten(1)) / 4)


@keras.saving.register_keras_serializable("zoo")
class Padding1D(layers.Layer):
    """(sample, point, channel) -> more points, of the kind that `mode` says as numpy has it."""

    def __init__(self, before: int, after: int, mode: str, **kwargs) -> None:
        super().__init__(**kwargs)
        self.before, self.after, self.mode = before, after, mode

    def call(self, inputs):
        points = inputs.shape[1]
        positions = np.pad(np.arange(points), (self.before, self.after), mode=self.mode)  # type: ignore[call-overload]
        return ops.take(inputs, positions, axis=1)

    def get_config(self):
        return {**super().get_config(), "before": self.before, "after": self.after, "mode": self.mode}


def build_separable(slope: float = 0.125) -> keras.Model:
    signals = keras.Input((32, 4))
    hidden = layers.Conv1D(6, 5, strides=2, name="stem")(Padding1D(2, 2, "wrap", name="pad")(signals))
    hidden = layers.Activation("silu", name="silu")(hidden)
    hidden = layers.DepthwiseConv1D(3, depth_multiplier=2, padding="same", name="depthwise")(hidden)
    hidden = layers.BatchNormalization(momentum=0.9, epsilon=1e-5, name="norm")(hidden)
    hidden = layers.ReLU(6, name="relu6")(layers.Rescaling(4.0, name="gain")(hidden))
    hidden = layers.ZeroPadding1D(1, name="pool_pad")(layers.Conv1D(8, 1, name="pointwise")(hidden))
    hidden = layers.AveragePooling1D(3, strides=1, name="smooth")(hidden)
    hidden = layers.ELU(name="elu")(layers.GroupNormalization(2, epsilon=1e-5, name="group_norm")(hidden))
    hidden = layers.Conv1D(8, 3, padding="same", dilation_rate=2, groups=2, name="dilated")(hidden)
    hidden = layers.LeakyReLU(slope, name="leaky")(hidden)
    # The greatest of a window does not change if its first point counts twice.
    greatest = layers.MaxPooling1D(3, strides=2, name="max_pool")(Padding1D(1, 0, "edge", name="max_pad")(hidden))
    pooled = layers.Concatenate(name="pools")([greatest, layers.AveragePooling1D(2, name="average_pool")(hidden)])
    flat = layers.Flatten(name="flatten")(layers.Permute((2, 1), name="channel_major")(pooled))
    scores = layers.Rescaling(0.25, name="quarter")(layers.Dense(5, name="head")(flat))
    return keras.Model(signals, layers.Activation("tanh", name="tanh")(scores), name="separable")
