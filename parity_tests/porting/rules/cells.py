"""Recurrent cells that a model steps itself."""

import keras
from keras import layers, ops
from torch import nn

from parity_tests.porting.rules.cases import Case


class OneStep(nn.Module):
    """One step from zeros."""

    def __init__(self, cell):
        super().__init__()
        self.cell = cell

    def forward(self, features):
        stepped = self.cell(features)
        return stepped[0] if isinstance(stepped, tuple) else stepped


@keras.saving.register_keras_serializable("rules")
class Step(layers.Layer):
    """One step of a cell from zeros."""

    def __init__(self, cell, **kwargs):
        super().__init__(**kwargs)
        self.cell = cell

    def build(self, shape):
        self.cell.build(shape)

    def call(self, features):
        states = [ops.zeros((ops.shape(features)[0], 4), features.dtype)] * (
            2 if "LSTM" in type(self.cell).__name__ else 1
        )
        return self.cell(features, states)[0]

    def get_config(self):
        return {**super().get_config(), "cell": keras.saving.serialize_keras_object(self.cell)}

    @classmethod
    def from_config(cls, config):
        held = {**config["cell"]["config"], "dtype": config["dtype"]}
        cell = getattr(layers, config["cell"]["class_name"]).from_config(held)
        return cls(cell, dtype=config["dtype"])


CASES = {
    "LSTMCell": Case(
        OneStep(nn.LSTMCell(6, 4)),
        Step(layers.LSTMCell(4)),
        (3, 6),
        [(Step(layers.LSTMCell(4, activation="relu")), "activation=relu in Keras, must be tanh")],
        in_channels_last=False,
    ),
    "GRUCell": Case(
        OneStep(nn.GRUCell(6, 4)),
        Step(layers.GRUCell(4)),
        (3, 6),
        [],
        in_channels_last=False,
    ),
    "RNNCell": Case(
        OneStep(nn.RNNCell(6, 4)),
        Step(layers.SimpleRNNCell(4)),
        (3, 6),
        [(Step(layers.SimpleRNNCell(4, activation="relu")), "nonlinearity=tanh in torch, activation=relu in Keras")],
        in_channels_last=False,
    ),
}
