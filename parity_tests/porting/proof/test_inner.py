"""What differs inside alone, in values that no output is made of, fails nothing, nor where it arrives."""

import keras
import pytest
import torch
from keras import layers, ops

from parity_tests.porting.zoo.weights import saved
from porting import ModelPair, Status, convert

STEPS = ("sample step feature -> sample step feature",)


class LastOfMasked(torch.nn.Module):
    """Halves all steps but the last, which is all that is returned."""

    def __init__(self):
        super().__init__()
        self.a, self.b, self.c = torch.nn.Linear(4, 6), torch.nn.Linear(6, 5), torch.nn.Linear(5, 2)

    def forward(self, x):
        halves = torch.tensor([0.5, 0.5, 1.0], dtype=x.dtype)[:, None]
        return self.c(torch.tanh(self.b(torch.relu(self.a(x)) * halves)))[:, -1]


def unmasked():
    x = keras.Input((3, 4))
    hidden = layers.Dense(5, name="b")(ops.relu(layers.Dense(6, name="a")(x)))
    return keras.Model(x, layers.Dense(2, name="c")(ops.tanh(hidden))[:, -1])


PAIR = ModelPair(name="last", reference=LastOfMasked, port=unmasked, input_shapes=((3, 4),), inputs=STEPS)


@pytest.mark.parametrize(
    "is_chosen", [True, pytest.param(False, marks=pytest.mark.slow)], ids=["one setting", "both settings of oneDNN"]
)
def test_what_no_output_is_made_of_is_told_and_fails_nothing(is_chosen, tmp_path, monkeypatch):
    if not is_chosen:
        monkeypatch.setenv("PORTING_CHOSE_ONEDNN", "1")
    report = convert(saved(LastOfMasked(), tmp_path), tmp_path / "port", pair=PAIR).report
    assert report.verdict is Status.PASS, report.parts
    assert any(
        (line.startswith("only inside") and "before b" in line) or "and b" in line for line in report.semantics.lines
    )
    assert len(report.deployed.lines) == (1 if is_chosen else 2)
