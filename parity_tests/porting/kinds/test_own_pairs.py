"""A pair of one's own: names, probes, outputs and weights that are not as they should be."""

from dataclasses import replace

import keras
import numpy as np
import pytest
from keras import layers
from torch import nn

from parity_tests.porting.zoo.weights import saved
from porting import ModelPair, PortingError, Status, convert
from porting.errors import ProbeError


def image_pair(reference, port, **fields):
    return ModelPair(name="own", reference=reference, port=port, input_shapes=((6,),), **fields)


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


class Asleep(nn.Sequential):
    """Its second layer sees nothing but zeros on any probe of its own scale."""

    def __init__(self):
        super().__init__(nn.Linear(6, 3), nn.ReLU(), nn.Linear(3, 4))
        self[0].bias.data -= 100


def asleep_port(activation):
    given = keras.Input((6,))
    hidden = activation(layers.Dense(3, name="0")(given))
    return keras.Model(given, layers.Dense(4, name="2")(hidden))


@pytest.mark.parametrize(("most", "verdict"), [(None, Status.PASS), (6.0, Status.FAIL)])
def test_a_layer_behind_dead_units_is_proven_on_synthetic_activations(most, verdict, tmp_path):
    pair = image_pair(Asleep, lambda: asleep_port(layers.ReLU(most)))
    report = convert(saved(Asleep(), tmp_path), tmp_path / "port", pair=pair, keep_failed=True).report
    assert report.verdict is verdict, report.semantics.lines


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
    with pytest.raises(PortingError, match="Different numbers of outputs: the reference 3, the port 1"):
        convert(saved(nn.LSTM(6, 4), tmp_path), tmp_path / "port", pair=recurrent)
    pair = image_pair(lambda: nn.Linear(6, 4), lambda: dense_port(4), outputs={"a": "... -> ...", "b": "... -> ..."})
    with pytest.raises(PortingError, match="Different numbers of outputs: the reference 1, the port 1, the pair 2"):
        convert(saved(pair.reference(), tmp_path), tmp_path / "port", pair=pair)
    wrong_axes = image_pair(lambda: nn.Linear(6, 4), lambda: dense_port(4), outputs={"a": "a b c -> a b c"})
    with pytest.raises(PortingError, match='axis pattern "a b c -> a b c" does not fit'):
        convert(saved(pair.reference(), tmp_path), tmp_path / "port", pair=wrong_axes)


@pytest.mark.parametrize(
    "content", [np.array("text"), np.array(3.0), np.array(["a", "b"])], ids=["word", "scalar", "words"]
)
def test_other_arrays_are_refused_as_probes(content, tmp_path):
    np.save(tmp_path / "probe.npy", content)
    pair = image_pair(lambda: nn.Linear(6, 4), lambda: dense_port(4))
    with pytest.raises(ProbeError, match="must hold arrays of numbers"):
        convert(saved(pair.reference(), tmp_path), tmp_path / "port", pair=pair, probe=tmp_path / "probe.npy")
