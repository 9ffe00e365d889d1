"""Parameters that a model uses by themselves."""

import keras
import torch
from keras import layers, ops
from torch import nn

from parity_tests.porting.rules.cases import Case
from parity_tests.porting.rules.linear import AddPositions


class Shifted(nn.Module):
    """Adds a parameter with axes of length 1 in front."""

    def __init__(self, *shape):
        super().__init__()
        self.shift = nn.Parameter(torch.zeros(shape))

    def forward(self, features):
        return features + self.shift


@keras.saving.register_keras_serializable("rules")
class Shift(layers.Layer):
    """Adds a variable."""

    def build(self, shape):
        self.shift = self.add_weight(shape=shape[1:], name="shift")

    def call(self, features):
        return features + self.shift


@keras.saving.register_keras_serializable("rules")
class Positioned(layers.Layer):
    """Adds what a table has at each position."""

    def __init__(self, **kwargs):
        super().__init__(**kwargs)
        self.table = layers.Embedding(5, 4, dtype=kwargs.get("dtype"))

    def call(self, features):
        return features + self.table(ops.arange(features.shape[1])[None])


class Tabled(nn.Module):
    """Looks all its positions up in a table."""

    def __init__(self):
        super().__init__()
        self.table = nn.Embedding(5, 4)

    def forward(self, features):
        return features + self.table(torch.arange(5))


CASES = {
    "Parameter": Case(Shifted(1, 5, 4), Shift(), (3, 5, 4), [], in_channels_last=False),
    "Parameter of channels": Case(Shifted(4, 5), Shift(), (3, 4, 5)),
    "Embedding that the port has as a variable": Case(Tabled(), Shift(), (3, 5, 4), [], in_channels_last=False),
    "Parameter that the port has as positions": Case(Shifted(1, 5, 4), AddPositions(), (3, 5, 4), [], False),
    "Parameter that the port looks up": Case(Shifted(1, 5, 4), Positioned(), (3, 5, 4), [], in_channels_last=False),
}
