"""Recurrent layers: biases that Keras adds up, a layer under two names, last steps and last states."""

import keras
import pytest
import torch
from keras import layers
from torch import nn

from parity_tests.porting.zoo import pairs as zoo
from parity_tests.porting.zoo.weights import saved
from porting import ModelPair, Status, convert, export
from porting.rules.rule import LayerRule
from porting.rules.settings import Declared


def test_biases_that_are_one_in_keras_come_back_as_their_sum(tmp_path):
    reference = zoo.RECURRENT.reference()
    report = convert(saved(reference, tmp_path), tmp_path / "port", pair=zoo.RECURRENT).report
    assert "port -> reference gives back the checkpoint bit for bit, all but the tensors that Keras adds up" in (
        report.transfer.lines
    )
    assert "compared as their sum, rounded to float32" in " ".join(report.transfer.lines)
    exported = torch.load(export(tmp_path / "port.keras", tmp_path / "back.pt", pair=zoo.RECURRENT))["state_dict"]
    lstm = reference.lstm
    assert torch.equal(exported["lstm.bias_ih_l0"], lstm.bias_ih_l0 + lstm.bias_hh_l0)
    assert not exported["lstm.bias_hh_l0"].any()
    again = zoo.RECURRENT.reference()
    again.load_state_dict(exported)
    steps = torch.randn(4, 9, 5, dtype=torch.float64)
    torch.testing.assert_close(again.double()(steps), reference.double()(steps), rtol=0, atol=1e-6)


class Twice(nn.Module):
    """A recurrent layer under two names."""

    def __init__(self, kind):
        super().__init__()
        self.first = self.second = kind(6, 6, batch_first=True)

    def forward(self, steps):
        return self.second(torch.relu(self.first(steps)[0]))[0]


@pytest.mark.parametrize("kind", ["LSTM", "RNN"])
def test_a_recurrent_layer_under_two_names_is_converted_and_exported(kind, tmp_path):
    def port():
        steps = keras.Input((7, 6))
        layer = getattr(layers, {"RNN": "SimpleRNN"}.get(kind, kind))(6, return_sequences=True, name="shared")
        return keras.Model(steps, layer(layers.ReLU()(layer(steps))))

    pair = ModelPair(name="own", reference=lambda: Twice(getattr(nn, kind)), port=port, input_shapes=((7, 6),))
    reference = pair.reference()
    report = convert(saved(reference, tmp_path), tmp_path / "port", pair=pair).report
    assert report.verdict is Status.PASS, report
    exported = torch.load(export(tmp_path / "port.keras", tmp_path / "back.pt", pair=pair))["state_dict"]
    for name in ("first", "second"):
        assert torch.equal(exported[f"{name}.bias_ih_l0"], reference.first.bias_ih_l0 + reference.first.bias_hh_l0)
        assert not exported[f"{name}.bias_hh_l0"].any()


@keras.saving.register_keras_serializable("zoo")
class TwoBiasLSTM(layers.Layer):
    """(sample, time, feature) -> (sample, time, unit), with torch's order of gates and both of its biases."""

    def __init__(self, units, **kwargs):
        super().__init__(**kwargs)
        self.units = units

    def build(self, shape):
        self.kernel = self.add_weight(shape=(shape[-1], 4 * self.units), name="kernel")
        self.recurrent_kernel = self.add_weight(shape=(self.units, 4 * self.units), name="recurrent_kernel")
        self.bias = self.add_weight(shape=(2, 4 * self.units), name="bias")

    def call(self, steps):
        state = cell = keras.ops.zeros_like(steps[:, 0, : self.units])
        outputs = []
        for time in range(steps.shape[1]):
            given = keras.ops.matmul(steps[:, time], self.kernel) + self.bias[0]
            sums = given + keras.ops.matmul(state, self.recurrent_kernel) + self.bias[1]
            entry, forget, candidate, out = keras.ops.split(sums, 4, axis=-1)
            cell = keras.ops.sigmoid(forget) * cell + keras.ops.sigmoid(entry) * keras.ops.tanh(candidate)
            state = keras.ops.sigmoid(out) * keras.ops.tanh(cell)
            outputs.append(state)
        return keras.ops.stack(outputs, axis=1)

    def get_config(self):
        return {**super().get_config(), "units": self.units}


class Steps(nn.Module):
    def __init__(self):
        super().__init__()
        self.lstm = nn.LSTM(6, 6, batch_first=True)

    def forward(self, steps):
        return self.lstm(steps)[0]


def two_bias_rule(pattern):
    return LayerRule(
        "LSTM",
        "TwoBiasLSTM",
        {
            "weight_ih_l0": ("kernel", ("gate feature -> feature gate",)),
            "weight_hh_l0": ("recurrent_kernel", ("gate state -> state gate",)),
            "bias_ih_l0 bias_hh_l0": ("bias", (pattern,)),
        },
        (Declared("of this test", tuple(nn.LSTM.__constants__), ("name", "trainable", "dtype", "units")),),
        activation="... -> ...",
    )


@pytest.mark.parametrize(
    ("by_rule", "axes"),
    [
        ("bias=2 gate -> bias gate", {}),
        ("bias=2 gate -> gate", {"lstm.bias_ih_l0": "bias=2 gate -> bias gate"}),
    ],
    ids=["rule", "axes"],
)
def test_biases_that_a_pairs_own_rule_or_axes_keep_are_not_added_up(by_rule, axes, tmp_path):
    def port():
        steps = keras.Input((7, 6))
        return keras.Model(steps, TwoBiasLSTM(6, name="lstm")(steps))

    fields = {"rules": (two_bias_rule(by_rule),), "axes": axes, "input_shapes": ((7, 6),)}
    pair = ModelPair(name="own", reference=Steps, port=port, **fields)
    reference = Steps()
    report = convert(saved(reference, tmp_path), tmp_path / "port", pair=pair).report
    assert report.verdict is Status.PASS, report
    exported = torch.load(export(tmp_path / "port.keras", tmp_path / "back.pt", pair=pair))["state_dict"]
    assert torch.equal(exported["lstm.bias_ih_l0"], reference.lstm.bias_ih_l0)
    assert torch.equal(exported["lstm.bias_hh_l0"], reference.lstm.bias_hh_l0)


class LastState(nn.Module):
    """Goes on with the state that a recurrent layer ends in: taken from the states, or from the steps."""

    def __init__(self, kind, from_steps):
        super().__init__()
        self.recurrent, self.head, self.from_steps = kind(5, 6, batch_first=True), nn.Linear(6, 3), from_steps

    def forward(self, steps):
        outputs, states = self.recurrent(steps)
        last = states[0][0] if isinstance(states, tuple) else states[0]
        return self.head(outputs[:, -1] if self.from_steps else last)


@pytest.mark.parametrize("from_steps", [True, False], ids=["last step", "last state"])
@pytest.mark.parametrize("returned", ["last step", "last state"])
@pytest.mark.parametrize("kind", ["LSTM", "GRU"])
def test_a_last_step_is_a_last_state(kind, from_steps, returned, tmp_path):
    def port():
        steps = keras.Input((7, 5))
        layer = getattr(layers, kind)(6, return_sequences=returned == "last state", return_state=True)
        outputs, state, *_ = layer(steps)
        return keras.Model(steps, layers.Dense(3, name="head")(state if returned == "last state" else outputs))

    pair = ModelPair(
        name="own", reference=lambda: LastState(getattr(nn, kind), from_steps), port=port, input_shapes=((7, 5),)
    )
    report = convert(saved(pair.reference(), tmp_path), tmp_path / "port", pair=pair).report
    assert report.verdict is Status.PASS, report
