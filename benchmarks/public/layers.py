"""torch.nn's modules, and Keras' and keras-hub's layers of the same kind."""

import keras
import keras_hub
from keras import layers
from torch import nn

from benchmarks.public.description import public
from porting import ModelPair


def of_one(shape: tuple[int, ...], *made: layers.Layer) -> keras.Model:
    """A model of some layers, one behind the other."""
    return keras.Sequential([keras.Input(shape), *made])


@public("torch.nn", "keras_hub.layers", words=("drawn otherwise", "0.1"))
def encoder_layer() -> ModelPair:
    """A layer of a transformer; the reference drops in the middle of its perceptron, too."""
    return ModelPair(
        name="encoder_layer",
        reference=lambda: nn.TransformerEncoderLayer(16, 4, 32, batch_first=True),
        port=lambda: of_one((7, 16), keras_hub.layers.TransformerEncoder(32, 4, dropout=0.1)),
        input_shapes=((7, 16),),
    )


@public("torch.nn", "keras_hub.layers")
def encoder() -> ModelPair:
    """Two layers of a transformer, normalised before, with GELU."""
    layer = nn.TransformerEncoderLayer(16, 4, 32, 0.0, "gelu", batch_first=True, norm_first=True)
    sizes = {"normalize_first": True, "activation": "gelu"}
    return ModelPair(
        name="encoder",
        reference=lambda: nn.TransformerEncoder(layer, 2, enable_nested_tensor=False),
        port=lambda: of_one((7, 16), *(keras_hub.layers.TransformerEncoder(32, 4, **sizes) for _ in range(2))),
        input_shapes=((7, 16),),
    )


class Recurrent(nn.Module):
    """All states of a recurrent module."""

    def __init__(self, made: nn.Module) -> None:
        super().__init__()
        self.cells = made

    def forward(self, sequence):  # noqa: D102
        return self.cells(sequence)[0]


@public("torch.nn", "keras.layers", adapters=(Recurrent,))
def lstm() -> ModelPair:
    """Two layers in both directions."""
    return ModelPair(
        name="lstm",
        reference=lambda: Recurrent(nn.LSTM(6, 8, 2, batch_first=True, bidirectional=True)),
        port=lambda: of_one((5, 6), *(layers.Bidirectional(layers.LSTM(8, return_sequences=True)) for _ in range(2))),
        input_shapes=((5, 6),),
    )


@public("torch.nn", "keras.layers", adapters=(Recurrent,))
def gru() -> ModelPair:
    """One layer."""
    return ModelPair(
        name="gru",
        reference=lambda: Recurrent(nn.GRU(6, 8, batch_first=True)),
        port=lambda: of_one((5, 6), layers.GRU(8, return_sequences=True)),
        input_shapes=((5, 6),),
    )
