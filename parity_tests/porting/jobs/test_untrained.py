"""What an untrained checkpoint's own values hide is proven with drawn ones in their place."""

import keras
import pytest
import torch
from torch import nn

from porting import ModelPair, Status, convert, verify, write


class Net(nn.Module):
    """As people initialise theirs: scales of one, biases of zero, statistics of nothing, a last layer of zeros."""

    def __init__(self):
        super().__init__()
        self.conv = nn.Conv1d(3, 4, 3)
        self.norm = nn.BatchNorm1d(4)
        self.shift = nn.Parameter(torch.zeros(4))
        self.mix = nn.Linear(4, 4)
        nn.init.zeros_(self.conv.bias)
        nn.init.zeros_(self.mix.weight)

    def forward(self, signal):
        hidden = torch.relu(self.norm(self.conv(signal))).transpose(1, 2)
        return hidden + self.mix(torch.tanh(hidden + self.shift))


class Biasless(keras.layers.Conv1D):
    """A convolution that forgets its bias."""

    def call(self, inputs):
        return super().call(inputs) - self.bias


class Turned(keras.layers.Dense):
    """A dense layer that takes its kernel for transposed."""

    def call(self, inputs):
        return keras.ops.matmul(inputs, keras.ops.transpose(self.kernel)) + self.bias


class Shift(keras.layers.Layer):
    """Adds a parameter."""

    def build(self, shape):
        self.shift = self.add_weight(shape=(4,), name="shift")

    def call(self, hidden):
        return hidden + self.shift


def pair(convolution=keras.layers.Conv1D, dense=keras.layers.Dense):
    def port():
        signal = keras.Input((10, 3))
        hidden = convolution(4, 3, name="conv")(signal)
        hidden = keras.layers.BatchNormalization(momentum=0.9, epsilon=1e-5, name="norm")(hidden)
        hidden = keras.layers.ReLU()(hidden)
        mixed = dense(4, name="mix")(keras.ops.tanh(Shift(name="shifted")(hidden)))
        return keras.Model(signal, hidden + mixed)

    return ModelPair(
        name="untrained",
        reference=Net,
        port=port,
        inputs=("sample channel point -> sample point channel",),
        outputs={"mixed": "sample point channel -> sample point channel"},
        input_shapes=((10, 3),),
    )


@pytest.fixture(scope="module")
def untrained(tmp_path_factory):
    torch.manual_seed(0)
    path = tmp_path_factory.mktemp("untrained") / "net.pt"
    torch.save(Net().state_dict(), path)
    return path


def converted(checkpoint, output, pair):
    return convert(checkpoint, output, pair=pair, formats=["weights.h5"])


def test_an_untrained_checkpoint_of_a_right_port_passes_and_its_golden_file_holds_it_to_that(untrained, tmp_path):
    report = converted(untrained, tmp_path / "port", pair()).report
    assert report.verdict is Status.PASS, report.semantics
    hidden = {"conv.bias", "norm.weight", "norm.bias", "norm.running_mean", "norm.running_var", "mix.weight"}
    assert {spot.tensor for spot in report.blind_spots if spot.seen_drawn} == hidden
    replayed = verify(tmp_path / "port.weights.h5", pair=pair())
    assert replayed.verdict is Status.PASS, replayed.semantics
    assert replayed.blind_spots == report.blind_spots
    assert verify(tmp_path / "port.weights.h5", untrained, pair=pair()).verdict is Status.PASS


@pytest.mark.parametrize(("fault", "behind"), [({"convolution": Biasless}, "norm"), ({"dense": Turned}, "mixed")])
def test_a_fault_that_untrained_values_hide_fails_and_is_located(fault, behind, untrained, tmp_path):
    conversion = converted(untrained, tmp_path / "port", pair(**fault))
    report = conversion.report
    assert report.verdict is Status.FAIL
    assert conversion.files == ()
    assert "with drawn values in the place of 6 tensors that would hide a fault" in " ".join(report.semantics.lines)
    assert [held.port for held in report.divergences] == [behind]


def test_a_port_is_written_by_an_untrained_checkpoint(untrained, tmp_path):
    writing = write(Net, tmp_path / "net.py", inputs=["3,10"], checkpoint=untrained)
    assert writing.report.verdict is Status.PASS, writing.report.semantics
    assert (tmp_path / "net.keras").exists()
