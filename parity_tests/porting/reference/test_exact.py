import keras
import numpy as np
import pytest
import torch
from keras import layers
from torch import nn

from parity_tests.porting.zoo.weights import saved
from porting import ModelPair, Status, convert
from porting.reference.gradients import gradients
from porting.reference.side import tensor_of


class Gated(nn.Module):
    def __init__(self, inplace):
        super().__init__()
        self.inplace = inplace
        self.fc = nn.Linear(3, 4)

    def forward(self, values):
        return nn.functional.hardsigmoid(self.fc(values), inplace=self.inplace)


@pytest.mark.parametrize("inplace", [False, True])
def test_a_gradient_that_torch_rounds_to_float32_is_taken_in_float64(inplace):
    model = Gated(inplace).double()
    inputs, cotangents = np.linspace(-1, 1, 6).reshape(2, 3), np.ones((2, 4))
    taken = gradients(model, [inputs], [cotangents])
    by_hand = model.fc.weight.new_tensor(cotangents / 6).T @ torch.from_numpy(inputs)
    assert np.abs(taken.weights["fc.weight"] - by_hand.numpy()).max() < 1e-15


@pytest.mark.parametrize("inplace", [False, True])
def test_the_gradient_of_celu_has_its_alpha_in_float64(inplace):
    class Curved(Gated):
        def forward(self, values):
            return nn.functional.celu(self.fc(values), 1.3, inplace=self.inplace)

    model = Curved(inplace).double()
    inputs, cotangents = np.linspace(-1, 1, 6).reshape(2, 3), np.ones((2, 4))
    taken = gradients(model, [inputs], [cotangents])
    slopes = torch.exp(model.fc(torch.from_numpy(inputs)).clamp(max=0) / 1.3)
    assert np.abs(taken.weights["fc.bias"] - slopes.sum(0).detach().numpy()).max() < 1e-14


def test_a_right_port_of_a_hard_sigmoid_passes(tmp_path):
    def port():
        return keras.Sequential([keras.Input((3,)), layers.Dense(4, name="fc"), layers.Activation("hard_sigmoid")])

    pair = ModelPair(name="gated", reference=lambda: Gated(False), port=port, input_shapes=((3,),))
    assert convert(saved(pair.reference(), tmp_path), tmp_path / "port", pair=pair).report.verdict is Status.PASS


class Casting(nn.Module):
    """Computes in float32 whatever it is given, as models of half precision do."""

    def __init__(self):
        super().__init__()
        self.fc = nn.Linear(3, 4)

    def forward(self, values):
        hidden = self.fc(values).float()
        shares = nn.functional.softmax(hidden, dim=-1, dtype=torch.float32)
        return (hidden * shares).to(torch.float32) * torch.arange(4, device=values.device).float()


def test_casts_to_float32_are_nothing_to_a_port_of_a_model_of_float32(tmp_path):
    def port():
        values = keras.Input((3,))
        hidden = layers.Dense(4, name="fc")(values)
        scaled = hidden * keras.ops.softmax(hidden) * keras.ops.arange(4, dtype=hidden.dtype)
        return keras.Model(values, scaled)

    pair = ModelPair(name="casting", reference=Casting, port=port, input_shapes=((3,),))
    checkpoint = saved(Casting(), tmp_path)
    assert convert(checkpoint, tmp_path / "port", pair=pair).report.verdict is Status.PASS


class Steep(nn.Module):
    """Softplus far above zero, where torch takes its input for it, 2e-9 beside what it is."""

    def __init__(self):
        super().__init__()
        self.fc = nn.Linear(3, 4)

    def forward(self, values):
        return nn.functional.softplus(self.fc(values) * 25)


def test_where_softplus_ends_in_torch_is_nothing_that_float32_sees(tmp_path):
    def port():
        values = keras.Input((3,))
        return keras.Model(values, keras.ops.softplus(layers.Dense(4, name="fc")(values) * 25))

    pair = ModelPair(name="steep", reference=Steep, port=port, input_shapes=((3,),))
    report = convert(saved(Steep(), tmp_path), tmp_path / "port", pair=pair).report
    assert report.verdict is Status.PASS, report


def test_tensors_have_the_strides_that_torch_gives_them():
    array = np.moveaxis(np.zeros((4, 1, 1, 2)), -1, 1)
    assert tensor_of(array, torch.float32).stride() == torch.zeros(4, 2, 1, 1).stride()
    assert tensor_of(np.zeros(()), torch.float32).shape == ()


class Normalising(nn.Module):
    """Numbers that are written into its forward."""

    def __init__(self):
        super().__init__()
        self.fc = nn.Linear(3, 3)

    def forward(self, values):
        mean, std = torch.tensor([0.485, 0.456, 0.406]), values.new_tensor([0.229, 0.224, 0.225])
        return self.fc((values - mean) / std) * torch.tensor(0.1, dtype=torch.float32)


def test_numbers_that_are_written_into_a_forward_are_those_of_float32(tmp_path):
    def port():
        values = keras.Input((3,))
        mean, std, factor = (
            np.array(numbers, np.float32) for numbers in ([0.485, 0.456, 0.406], [0.229, 0.224, 0.225], 0.1)
        )
        return keras.Model(values, layers.Dense(3, name="fc")((values - mean) / std) * factor)

    pair = ModelPair(name="normalising", reference=Normalising, port=port, input_shapes=((3,),))
    assert convert(saved(pair.reference(), tmp_path), tmp_path / "port", pair=pair).report.verdict is Status.PASS
