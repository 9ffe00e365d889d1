"""Products with a matrix, and tables that are looked up."""

import keras
import torch
from keras import layers, ops
from torch import nn

from parity_tests.porting.rules.cases import Case


class Conv1D(nn.Module):
    """The Conv1D of transformers: a Linear whose weight is transposed."""

    def __init__(self, nf, nx):
        super().__init__()
        self.nf, self.nx = nf, nx
        self.weight, self.bias = nn.Parameter(torch.empty(nx, nf)), nn.Parameter(torch.zeros(nf))

    def forward(self, features):
        flat = torch.addmm(self.bias, features.reshape(-1, self.nx), self.weight)
        return flat.view(*features.shape[:-1], self.nf)


class Positions(nn.Module):
    """Looks up a row for each position, whatever stands there."""

    def __init__(self):
        super().__init__()
        self.table = nn.Embedding(5, 4)

    def forward(self, features):
        return features + self.table(torch.arange(features.shape[1]))


@keras.saving.register_keras_serializable("rules")
class PositionEmbedding(layers.Layer):
    """As keras_hub has it: a table of positions, as long as its input."""

    def __init__(self, sequence_length, **kwargs):
        super().__init__(**kwargs)
        self.sequence_length = sequence_length

    def build(self, shape):
        self.position_embeddings = self.add_weight(shape=(self.sequence_length, shape[-1]), name="embeddings")

    def call(self, features, start_index=0, positions=None):
        return ops.broadcast_to(self.position_embeddings[: features.shape[1]], ops.shape(features))

    def get_config(self):
        return {**super().get_config(), "sequence_length": self.sequence_length}


@keras.saving.register_keras_serializable("rules")
class AddPositions(layers.Layer):
    """Adds a table of positions."""

    def __init__(self, **kwargs):
        super().__init__(**kwargs)
        self.table = PositionEmbedding(5, dtype=kwargs.get("dtype"))

    def call(self, features):
        return features + self.table(features)


CASES = {
    "Linear": Case(
        nn.Linear(6, 4),
        layers.Dense(4),
        (3, 6),
        [(layers.Dense(4, kernel_regularizer="l2"), "kernel_regularizer=.* in Keras, must be None")],
        in_channels_last=False,
    ),
    "Linear on tokens": Case(nn.Linear(6, 4, bias=False), layers.Dense(4, use_bias=False), (3, 5, 6), [], False),
    "Linear to heads": Case(
        nn.Linear(6, 12),
        layers.EinsumDense("abc,cde->abde", (None, 3, 4), bias_axes="de"),
        (3, 5, 6),
        in_channels_last=False,
    ),
    "Linear of features that ... stands before": Case(
        nn.Linear(6, 4), layers.EinsumDense("...x,xy->...y", (4,), bias_axes="y"), (3, 5, 6), [], False
    ),
    "Linear as Conv1D": Case(
        nn.Linear(6, 4),
        layers.Conv1D(4, 1),
        (3, 5, 6),
        [(layers.Conv1D(4, 1, strides=2), r"strides=\(2,\) in Keras, must be \(1,\)")],
        in_channels_last=False,
    ),
    "Linear as Conv2D": Case(nn.Linear(6, 4), layers.Conv2D(4, 1), (3, 5, 2, 6), [], False),
    "Conv1D of transformers": Case(Conv1D(4, 6), layers.Dense(4), (3, 5, 6), [], False),
    "Conv1D of transformers to heads": Case(
        Conv1D(12, 6), layers.EinsumDense("abc,cde->abde", (None, 3, 4), bias_axes="de"), (3, 5, 6), [], False
    ),
    "Conv1d of one tap": Case(
        nn.Conv1d(6, 4, 1),
        layers.Dense(4),
        (3, 6, 5),
    ),
    "Conv2d of one tap": Case(nn.Conv2d(6, 4, 1, bias=False), layers.Dense(4, use_bias=False), (3, 6, 5, 2)),
    "Conv3d of one tap": Case(nn.Conv3d(6, 4, 1), layers.Dense(4), (3, 6, 5, 2, 3)),
    "ReversibleEmbedding": Case(
        nn.Embedding(9, 4), layers.ReversibleEmbedding(9, 4), (3, 5), [], in_channels_last=False, highest=9
    ),
    "PositionEmbedding": Case(Positions(), AddPositions(), (3, 5, 4), [], in_channels_last=False),
    "Embedding": Case(
        nn.Embedding(9, 4, padding_idx=0),
        layers.Embedding(9, 4, mask_zero=True),
        (3, 5),
        [],
        in_channels_last=False,
        highest=9,
    ),
}
