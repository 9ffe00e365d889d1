"""Pairs of other people's models go the same way as FINTA: convert, reload, verify, export."""

from dataclasses import replace

import keras
import numpy as np
import pytest
import torch
from keras import layers
from torch import nn

from parity_tests.porting.zoo import pairs as zoo
from porting import ModelPair, PortingError, Status, convert, export, verify
from porting.errors import ProbeError
from porting.reference.sums import sum_up
from porting.rules.rule import LayerRule
from porting.rules.settings import Declared


@pytest.fixture(scope="module", params=zoo.PAIRS, ids=lambda pair: pair.name)
def converted(request, tmp_path_factory):
    pair, folder = request.param, tmp_path_factory.mktemp("converted")
    reference = zoo.randomise(pair.reference())
    torch.save(reference.state_dict(), folder / "model.pt")
    formats = ("keras", "weights.h5", "safetensors")
    return pair, reference, convert(folder / "model.pt", folder / "port", pair=pair, formats=formats)


def test_conversion_passes_and_golden_replay_passes(converted):
    pair, _, conversion = converted
    assert conversion.report.verdict is Status.PASS, conversion.report
    for path in conversion.files:
        if path.suffix in (".keras", ".safetensors") or path.name.endswith(".weights.h5"):
            assert verify(path, pair=pair).verdict is Status.PASS


def test_export_gives_the_state_dict_back(converted, tmp_path):
    pair, reference, conversion = converted
    port = next(path for path in conversion.files if path.suffix == ".keras")
    exported = torch.load(export(port, tmp_path / "back.pt", pair=pair), weights_only=True)["state_dict"]
    assert list(exported) == list(reference.state_dict())
    state_dict = {name: tensor.numpy() for name, tensor in reference.state_dict().items()}
    for name, array in {**state_dict, **sum_up(state_dict, reference)}.items():
        assert np.array_equal(exported[name].numpy(), array), name


def test_biases_that_are_one_in_keras_come_back_as_their_sum(tmp_path):
    reference = zoo.randomise(zoo.Recurrent())
    torch.save(reference.state_dict(), tmp_path / "model.pt")
    report = convert(tmp_path / "model.pt", tmp_path / "port", pair=zoo.RECURRENT).report
    assert "port -> reference gives back the checkpoint bit for bit, all but the tensors that Keras adds up" in (
        report.transfer.lines
    )
    assert "compared as their sum, rounded to float32" in " ".join(report.transfer.lines)
    exported = torch.load(export(tmp_path / "port.keras", tmp_path / "back.pt", pair=zoo.RECURRENT))["state_dict"]
    lstm = reference.lstm
    assert torch.equal(exported["lstm.bias_ih_l0"], lstm.bias_ih_l0 + lstm.bias_hh_l0)
    assert not exported["lstm.bias_hh_l0"].any()
    again = zoo.Recurrent()
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


def test_a_layer_that_runs_twice_is_compared_call_by_call_and_moved_once(tmp_path):
    torch.save(zoo.randomise(zoo.Siamese()).state_dict(), tmp_path / "model.pt")
    report = convert(tmp_path / "model.pt", tmp_path / "port", pair=zoo.SIAMESE).report
    assert [row.reference for row in report.layers].count("encoder (call 2)") == 1
    assert len([transfer for transfer in report.plan.transfers if transfer.reference.startswith("encoder.")]) == 2
    assert [row.landmark for row in report.outputs] == ["left", "difference"]


def test_batch_norm_counter_has_no_twin_and_is_said_so(tmp_path):
    torch.save(zoo.randomise(zoo.Classifier()).state_dict(), tmp_path / "model.pt")
    report = convert(tmp_path / "model.pt", tmp_path / "port", pair=zoo.CLASSIFIER).report
    assert report.plan.without_twin == ("norm1.num_batches_tracked", "norm2.num_batches_tracked")


def test_random_inputs_are_the_same_every_time():
    probes = [zoo.draw_tokens({}, None, 5) for _ in range(2)]
    assert probes[0].sha256() == probes[1].sha256()
    assert all(np.array_equal(*arrays) for arrays in zip(*(probe.arrays for probe in probes), strict=True))


def image_pair(reference, port, **fields):
    return ModelPair(name="own", reference=reference, port=port, input_shapes=((6,),), **fields)


def saved(reference, tmp_path):
    torch.save(zoo.randomise(reference).state_dict(), tmp_path / "model.pt")
    return tmp_path / "model.pt"


def dense_port(*sizes, name=None):
    points = hidden = keras.Input((6,))
    for number, size in enumerate(sizes):
        hidden = layers.Dense(size, name=name and f"{name}{number}")(hidden)
    return keras.Model(points, hidden)


class OwnNames(nn.Module):
    """A layer called as the output is, and one called as DataParallel's prefix is."""

    def __init__(self):
        super().__init__()
        self.module = nn.Sequential()
        self.module.output = nn.Linear(6, 4)

    def forward(self, points):
        return self.module.output(points)


def test_layers_may_be_called_like_outputs_and_prefixes(tmp_path):
    pair = image_pair(OwnNames, lambda: dense_port(4, name="fc"), outputs={"module.output": "... -> ..."})
    assert convert(saved(OwnNames(), tmp_path), tmp_path / "port", pair=pair).report.verdict is Status.PASS


def test_nameless_layers_verify_from_weights_alone(tmp_path):
    pair = image_pair(lambda: nn.Sequential(nn.Linear(6, 5), nn.Linear(5, 4)), lambda: dense_port(5, 4))
    conversion = convert(saved(pair.reference(), tmp_path), tmp_path / "port", pair=pair, formats=["weights.h5"])
    assert conversion.report.verdict is Status.PASS


class Absolute(nn.Module):
    """Changes its own weights as it runs."""

    def __init__(self):
        super().__init__()
        self.fc = nn.Linear(6, 4)

    def forward(self, points):
        self.fc.weight.data.abs_()
        return self.fc(points)


def test_a_reference_that_changes_its_weights_does_not_pass(tmp_path):
    pair = image_pair(Absolute, lambda: dense_port(4))
    assert convert(saved(Absolute(), tmp_path), tmp_path / "port", pair=pair).report.verdict is Status.FAIL


def test_a_probe_of_zeros_proves_nothing(tmp_path):
    np.save(tmp_path / "zeros.npy", np.zeros((4, 6), np.float32))
    pair = image_pair(lambda: nn.Linear(6, 4), lambda: dense_port(4))
    checkpoint = saved(pair.reference(), tmp_path)
    report = convert(checkpoint, tmp_path / "port", pair=pair, probe=tmp_path / "zeros.npy").report
    assert report.semantics.status is report.verdict is Status.NOT_CHECKED
    assert "the probe shows nothing" in report.semantics.lines[-1]


def test_other_layers_and_outputs_than_the_pair_says_are_refused(tmp_path):
    def recurrent_port():
        points = keras.Input((5, 6))
        return keras.Model(points, layers.LSTM(4, return_sequences=True)(points))

    recurrent = replace(image_pair(lambda: nn.LSTM(6, 4, batch_first=True), recurrent_port), input_shapes=((5, 6),))
    with pytest.raises(PortingError, match=r"returns .*tuple|No rule for 1 pairs"):
        convert(saved(nn.LSTM(6, 4), tmp_path), tmp_path / "port", pair=recurrent)
    pair = image_pair(lambda: nn.Linear(6, 4), lambda: dense_port(4), outputs={"a": "... -> ...", "b": "... -> ..."})
    with pytest.raises(PortingError, match="Different numbers of outputs: the reference 1, the port 1, the pair 2"):
        convert(saved(pair.reference(), tmp_path), tmp_path / "port", pair=pair)
    wrong_axes = image_pair(lambda: nn.Linear(6, 4), lambda: dense_port(4), outputs={"a": "a b c -> a b c"})
    with pytest.raises(PortingError, match='The axis pattern "a b c -> a b c" does not fit'):
        convert(saved(pair.reference(), tmp_path), tmp_path / "port", pair=wrong_axes)


@pytest.mark.parametrize(
    "content", [np.array("text"), np.array(3.0), np.array(["a", "b"])], ids=["word", "scalar", "words"]
)
def test_other_arrays_are_refused_as_probes(content, tmp_path):
    np.save(tmp_path / "probe.npy", content)
    pair = image_pair(lambda: nn.Linear(6, 4), lambda: dense_port(4))
    with pytest.raises(ProbeError, match="must hold arrays of numbers"):
        convert(saved(pair.reference(), tmp_path), tmp_path / "port", pair=pair, probe=tmp_path / "probe.npy")
