"""A number that a function is given, and the port's has otherwise, is found: also where it is hardly another."""

import keras
import pytest
import torch
from keras import layers, ops

from parity_tests.porting.zoo.weights import saved
from porting import ModelPair, convert


class Net(torch.nn.Module):
    def __init__(self, function):
        super().__init__()
        self.a, self.b, self.function = torch.nn.Linear(5, 8), torch.nn.Linear(8, 3), function

    def forward(self, x):
        return self.b(self.function(self.a(x)))


FUNCTIONS = {
    "a slope": (
        lambda x: torch.nn.functional.leaky_relu(x, 0.1),
        lambda x: ops.leaky_relu(x, 0.1001),
        "negative_slope=0.1001 in leaky_relu, where the reference has 0.1",
    ),
    "a bound": (
        lambda x: x.clamp(-1.5, 1.5),
        lambda x: ops.clip(x, -1.5, 2.0),
        "2 in clamp, where the reference has 1.5",
    ),
    "one of itself": (
        torch.nn.functional.elu,
        lambda x: ops.elu(x, alpha=1.25),
        "alpha=1.25 in elu, where the reference has 1",
    ),
}


@pytest.mark.parametrize(
    ("ours", "theirs", "detail"),
    [FUNCTIONS["a slope"], *(pytest.param(*held, marks=pytest.mark.slow) for held in list(FUNCTIONS.values())[1:])],
)
def test_a_number_is_found(ours, theirs, detail, tmp_path):
    def port():
        x = keras.Input((5,))
        return keras.Model(x, layers.Dense(3, name="b")(theirs(layers.Dense(8, name="a")(x))))

    pair = ModelPair(name="numbers", reference=lambda: Net(ours), port=port, input_shapes=((5,),))
    report = convert(saved(Net(ours), tmp_path), tmp_path / "port", pair=pair, keep_failed=True).report
    (cause,) = (cause for held in report.divergences for cause in held.causes)
    assert (cause.name, cause.detail) == ("another number", detail)
