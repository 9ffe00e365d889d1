"""What recurrent stacks draw in training: values of what goes from one layer to the next."""

import keras
import pytest
import torch
from keras import layers

from parity_tests.porting.zoo.weights import saved
from porting import ModelPair, Status, convert

STACK = {"RNN": layers.SimpleRNN, "LSTM": layers.LSTM, "GRU": layers.GRU}


class Stacked(torch.nn.Module):
    def __init__(self, kind):
        super().__init__()
        self.stack = getattr(torch.nn, kind)(4, 3, num_layers=2, batch_first=True, dropout=0.3)

    def forward(self, x):
        return self.stack(x)[0]


def report_of(kind, rate, folder):
    def port():
        x = keras.Input((3, 4))
        first = STACK[kind](3, return_sequences=True)(x)
        dropped = layers.Dropout(rate)(first) if rate else first
        return keras.Model(x, STACK[kind](3, return_sequences=True)(dropped))

    pair = ModelPair(name="stacked", reference=lambda: Stacked(kind), port=port, input_shapes=((3, 4),))
    return convert(saved(Stacked(kind), folder), folder / "port", pair=pair, keep_failed=True).report


@pytest.mark.parametrize("kind", ["RNN", *(pytest.param(kind, marks=pytest.mark.slow) for kind in ("LSTM", "GRU"))])
def test_dropout_between_the_layers_passes(kind, tmp_path):
    report = report_of(kind, 0.3, tmp_path)
    assert report.verdict is Status.PASS, report.parts


@pytest.mark.parametrize(("rate", "words"), [(0.0, ("rate 0.3", "the port draws nothing")), (0.5, ("0.3", "rate 0.5"))])
def test_other_dropout_between_the_layers_fails_in_training_alone(rate, words, tmp_path):
    report = report_of("RNN", rate, tmp_path)
    assert report.parts["semantics"].status is Status.PASS
    assert report.parts["training"].status is Status.FAIL
    assert all(word in "\n".join(report.parts["training"].lines) for word in words), report.parts["training"].lines
