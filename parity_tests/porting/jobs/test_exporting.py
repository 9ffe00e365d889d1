"""A port's weights come back into a reference whose own initial values are of no use to a plan."""

import keras
import pytest
import torch
from keras import layers, ops

from parity_tests.porting.zoo.weights import saved
from porting import ModelPair, convert, export


class Gated(torch.nn.Module):
    """Whose weights are what somebody left them at, as where a checkpoint always fills them."""

    def __init__(self, value):
        super().__init__()
        self.one, self.other, self.last = (torch.nn.Linear(4, 4) for _ in range(3))
        for parameter in self.parameters():
            torch.nn.init.constant_(parameter, value)

    def forward(self, x):
        return self.last(torch.tanh(self.one(x)) * self.other(x))


def port():
    x = keras.Input((4,))
    second, first = layers.Dense(4, name="a")(x), layers.Dense(4, name="b")(x)
    return keras.Model(x, layers.Dense(4, name="c")(ops.tanh(first) * second))


@pytest.mark.parametrize("value", [0.0, float("nan"), 1e30])
def test_weights_come_back_whatever_a_reference_is_built_with(value, tmp_path):
    pair = ModelPair(name="gated", reference=lambda: Gated(value), port=port, input_shapes=((4,),))
    convert(path := saved(Gated(value), tmp_path), tmp_path / "port", pair=pair)
    back = torch.load(export(tmp_path / "port.keras", tmp_path / "back.pt", pair=pair))["state_dict"]
    assert all(torch.equal(back[name], tensor) for name, tensor in torch.load(path).items())
