"""What shows only in training, or only in another batch: dropout, noise, outputs that follow the batch."""

import keras
import pytest
import torch
from keras import layers, ops

from porting import ModelPair, Status, convert, verify

POINTS = ("sample point channel -> sample point channel",)


class StochasticDepth(torch.nn.Module):
    def __init__(self, p):
        super().__init__()
        self.p = p

    def forward(self, x):
        if not self.training:
            return x
        kept = torch.empty(len(x), *[1] * (x.ndim - 1), dtype=x.dtype).bernoulli_(1 - self.p)
        return x * kept / (1 - self.p)


def drop_connect(x, rate, training):
    """As in many repositories: no module, and no function of torch's."""
    if not training:
        return x
    kept = torch.floor(1 - rate + torch.rand(len(x), *[1] * (x.ndim - 1), dtype=x.dtype))
    return x / (1 - rate) * kept


class Connects(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.a, self.b = torch.nn.Linear(6, 8), torch.nn.Linear(8, 3)

    def forward(self, x):
        return self.b(drop_connect(torch.relu(self.a(x)), 0.2, self.training))


class Aside(torch.nn.Module):
    """What it drops is not read."""

    def __init__(self):
        super().__init__()
        self.a, self.b, self.drop = torch.nn.Linear(6, 8), torch.nn.Linear(8, 3), torch.nn.Dropout(0.4)

    def forward(self, x):
        hidden = torch.relu(self.a(x))
        self.drop(hidden)
        return self.b(hidden)


class Net(torch.nn.Module):
    def __init__(self, drop=None, functional=0.0, activation=torch.relu, dropping=torch.nn.functional.dropout):
        super().__init__()
        self.activation, self.dropping = activation, dropping
        self.a, self.drop, self.b = torch.nn.Linear(6, 8), drop or torch.nn.Identity(), torch.nn.Linear(8, 3)
        self.functional = functional

    def forward(self, x):
        hidden = self.drop(self.activation(self.a(x)))
        hidden = self.dropping(hidden, self.functional, self.training)
        return self.b(hidden)


def port(*behind_relu, before_relu=(), behind_b=(), call=None, activation=None):
    def build():
        x = keras.Input((5, 6))
        hidden = layers.Dense(8, name="a")(x)
        for make in before_relu:
            hidden = make()(hidden)
        hidden = (activation or layers.ReLU())(hidden)
        for make in behind_relu:
            hidden = make()(hidden, **(call or {}))
        hidden = layers.Dense(3, name="b")(hidden)
        for make in behind_b:
            hidden = make()(hidden)
        return keras.Model(x, hidden)

    return build


def dropout(rate=0.5, **settings):
    return lambda: layers.Dropout(rate, **settings)


def channels(rate=0.5):
    return lambda: layers.SpatialDropout1D(rate)


@keras.saving.register_keras_serializable("randomness")
class Lonely(layers.Layer):
    """Another function where the batch is one sample."""

    def call(self, x):
        return x * 2 if x.shape[0] == 1 else x


@keras.saving.register_keras_serializable("randomness")
class Centred(layers.Layer):
    """Less the mean of the batch."""

    def call(self, x):
        return x - ops.mean(x, axis=0, keepdims=True)


@keras.saving.register_keras_serializable("randomness")
class Predicting(keras.Model):
    """Another function by predict than by a call."""

    def predict_step(self, data):
        return 2 * super().predict_step(data)


def report_of(reference, build, tmp_path):
    pair = ModelPair(
        name="drawing",
        reference=reference,
        port=build,
        input_shapes=((5, 6),),
        inputs=("... -> ...",),
        outputs={"output": "... -> ..."},
    )
    torch.manual_seed(3)
    torch.save(reference().state_dict(), tmp_path / "net.pt")
    report = convert(tmp_path / "net.pt", tmp_path / "net", pair=pair, keep_failed=True).report
    again = verify(tmp_path / "net.keras", pair=pair)
    assert again.verdict is report.verdict
    assert again.parts["training"].lines == report.parts["training"].lines
    return report


RIGHT = {
    "dropout": (lambda: Net(torch.nn.Dropout(0.5)), port(dropout())),
    "before an activation that keeps zero": (lambda: Net(torch.nn.Dropout(0.5)), port(before_relu=[dropout()])),
    "before one that keeps factors": (
        lambda: Net(torch.nn.Dropout(0.5), activation=torch.nn.functional.leaky_relu),
        port(before_relu=[dropout()], activation=layers.LeakyReLU(0.01)),
    ),
    "a function": (lambda: Net(functional=0.3), port(dropout(0.3))),
    "a function that keeps mean and spread": (
        lambda: Net(functional=0.3, dropping=torch.nn.functional.alpha_dropout),
        port(lambda: layers.AlphaDropout(0.3)),
    ),
    "a function for channels": (
        lambda: Net(functional=0.3, dropping=torch.feature_dropout),
        port(dropout(0.3, noise_shape=(None, 5, 1))),
    ),
    "a module and a function": (lambda: Net(torch.nn.Dropout(0.5), 0.3), port(dropout(0.5), dropout(0.3))),
    "what nobody reads": (Aside, port()),
    "never": (lambda: Net(torch.nn.Dropout(0.0)), port()),
    "samples": (
        lambda: Net(StochasticDepth(0.2)),
        port(dropout(0.2, noise_shape=(None, 1, 1))),
    ),
    "samples by a function": (Connects, port(dropout(0.2, noise_shape=(None, 1, 1)))),
}


@pytest.mark.parametrize(("reference", "build"), RIGHT.values(), ids=RIGHT)
def test_what_is_drawn_alike_passes(reference, build, tmp_path):
    report = report_of(reference, build, tmp_path)
    assert report.verdict is Status.PASS, report.parts


WRONG = {
    "missing": (
        lambda: Net(torch.nn.Dropout(0.5)),
        port(),
        ["drop (Dropout, rate 0.5) behind a", "draws nothing there"],
    ),
    "missing function": (lambda: Net(functional=0.3), port(), ["F.dropout (dropout, rate 0.3) behind a"]),
    "besides": (Net, port(dropout(0.5)), ["of the port behind a", "the reference draws nothing there"]),
    "rate": (lambda: Net(torch.nn.Dropout(0.5)), port(dropout(0.1)), ["rates differ", "rate 0.5", "rate 0.1"]),
    "place": (lambda: Net(torch.nn.Dropout(0.5)), port(behind_b=[dropout()]), ["behind a", "behind b"]),
    "before a function that keeps no factor": (
        lambda: Net(torch.nn.Dropout(0.5), activation=torch.tanh),
        port(before_relu=[dropout()], activation=layers.Activation("tanh")),
        ["behind a", "what lies between does not keep what is dropped"],
    ),
    "channels": (lambda: Net(torch.nn.Dropout(0.5)), port(channels()), ["torch drops values, Keras channels"]),
    "values for samples": (Connects, port(dropout(0.2)), ["torch drops samples, Keras values"]),
    "rate of samples": (Connects, port(dropout(0.4, noise_shape=(None, 1, 1))), ["rate 0.2", "rate 0.4"]),
    "noise": (Net, port(lambda: layers.GaussianNoise(0.1)), ["GaussianNoise, rate 0.1"]),
}


@pytest.mark.parametrize(("reference", "build", "words"), WRONG.values(), ids=WRONG)
def test_what_is_drawn_otherwise_fails_in_training_alone_and_is_named(reference, build, words, tmp_path):
    report = report_of(reference, build, tmp_path)
    assert report.parts["training"].status is Status.FAIL
    assert report.parts["semantics"].status is Status.PASS
    assert all(word in "\n".join(report.parts["training"].lines) for word in words), report.parts["training"].lines


OTHERWISE = {
    "one sample": (port(Lonely), "for one sample alone"),
    "the batch's mean": (port(Centred), "the batch that its sample is in"),
    "predict": (lambda: Predicting(*port_ends()), "by predict"),
}


def port_ends():
    made = port()()
    return made.inputs[0], made.outputs[0]


@pytest.mark.parametrize(("build", "words"), OTHERWISE.values(), ids=OTHERWISE)
def test_outputs_that_follow_the_batch_or_the_call_fail(build, words, tmp_path):
    report = report_of(Net, build, tmp_path)
    assert report.parts["semantics"].status is Status.FAIL
    assert words in "\n".join(report.parts["semantics"].lines)


class Centring(Net):
    def forward(self, x):
        hidden = torch.relu(self.a(x))
        return self.b(hidden - hidden.mean(0, keepdim=True))


def test_a_batch_that_the_reference_follows_is_followed_by_a_right_port(tmp_path):
    report = report_of(Centring, port(Centred), tmp_path)
    assert report.parts["semantics"].status is Status.PASS, report.parts["semantics"].lines


class Losing(Net):
    """Returns one number of the whole batch besides."""

    def forward(self, x):
        scores = super().forward(x)
        return scores, (scores**2).mean()


@pytest.mark.parametrize(("reduce", "status"), [(ops.mean, Status.PASS), (ops.sum, Status.FAIL)])
def test_a_single_number_of_a_batch_is_compared(reduce, status, tmp_path):
    def build():
        given, scores = (made := port()()).inputs[0], made.outputs[0]
        return keras.Model(given, [scores, reduce(scores**2)])

    outputs = {"scores": "... -> ...", "loss": "... -> ..."}
    pair = ModelPair(
        name="losing", reference=Losing, port=build, input_shapes=((5, 6),), inputs=("... -> ...",), outputs=outputs
    )
    torch.manual_seed(3)
    torch.save(Losing().state_dict(), tmp_path / "net.pt")
    assert convert(tmp_path / "net.pt", tmp_path / "net", pair=pair, keep_failed=True).report.verdict is status


def test_dropout_that_never_stops_fails(tmp_path):
    report = report_of(lambda: Net(torch.nn.Dropout(0.5)), port(dropout(), call={"training": True}), tmp_path)
    assert report.verdict is Status.FAIL


class ForUseAlone(torch.nn.Module):
    def forward(self, x):
        if self.training:
            raise NotImplementedError("nobody trains this")
        return x


def test_a_reference_that_cannot_be_run_in_training_is_not_passed_in_silence(tmp_path):
    report = report_of(lambda: Net(ForUseAlone()), port(), tmp_path)
    assert report.training.status is Status.NOT_CHECKED
    assert any("what the reference draws" in line and "nobody trains this" in line for line in report.training.lines)
