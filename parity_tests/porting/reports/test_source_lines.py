"""Where two models part, the report names lines of the port's file: of layers, of what lies between, of settings."""

import pytest
import torch

from porting import convert

PORT = """
import keras
from keras import layers, ops


def block(x, name):
    x = layers.Dense(6, name=f"{name}_fc")(x)
    return ops.tanh(x)


def build():
    inputs = x = keras.Input((4,))
    x = block(x, "first")
    x = layers.Dropout(0.2)(x)
    x = ops.square(x)
    x = layers.Dense(6, name="second_fc")(x)
    return keras.Model(inputs, ops.relu(x))
"""
PAIR = """
import torch
from pathlib import Path
from porting import ModelPair


class Net(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.first_fc, self.second_fc = torch.nn.Linear(4, 6), torch.nn.Linear(6, 6)

    def forward(self, x):
        x = torch.nn.functional.dropout(torch.tanh(self.first_fc(x)), 0.2, self.training)
        return torch.relu(self.second_fc(x * x))


PAIR = ModelPair(
    name="lines", reference=Net, port=f"{Path(__file__).with_name('port.py')}:build", input_shapes=((4,),)
)
"""


def said_of(old, new, folder):
    """Every place and line that a report says of a port with one thing changed."""
    (folder / "port.py").write_text(PORT.replace(old, new))
    (folder / "pair.py").write_text(PAIR)
    torch.manual_seed(1)
    weights = {f"{name}_fc.{word}": torch.randn(shape) for name, word, shape in SHAPES}
    torch.save(weights, folder / "net.pt")
    report = convert(folder / "net.pt", folder / "out", pair=f"{folder / 'pair.py'}", keep_failed=True).report
    assert report.source
    places = [report.source.place_of(held) for held in report.divergences]
    return "\n".join([*places, *(line for part in report.parts.values() for line in part.lines)])


SEGMENT = "port.py:8, called at line 13; 14-15, between port.py:7, called at line 13 and port.py:16"
SHAPES = [("first", "weight", (6, 4)), ("first", "bias", 6), ("second", "weight", (6, 6)), ("second", "bias", 6)]


@pytest.mark.parametrize(
    ("old", "new", "place"),
    [
        ("ops.square(x)", "ops.exp(x)", SEGMENT),
        pytest.param("ops.relu(x)", "x", "behind port.py:16", marks=pytest.mark.slow),
        pytest.param("Dropout(0.2)", "Dropout(0.3)", "rate 0.3) in Keras (port.py:14)", marks=pytest.mark.slow),
        pytest.param(
            "ops.square(x)",
            "ops.square(ops.stop_gradient(x))",
            f"({SEGMENT})",
            marks=pytest.mark.slow,
        ),
        pytest.param(
            "name=\"second_fc\"",
            "name=\"second_fc\", trainable=False",
            "(port.py:16)",
            marks=pytest.mark.slow,
        ),
    ],
)  # fmt: skip
def test_the_lines_of_what_differs(old, new, place, tmp_path):
    assert place in said_of(old, new, tmp_path)
