"""What a port connects otherwise, puts in another order, leaves out or reads from another table is named."""

import keras
import numpy as np
import pytest
import torch
from keras import layers, ops
from torch import nn
from torch.nn import functional

from parity_tests.porting.zoo.weights import saved
from porting import ModelPair, convert


class Net(nn.Module):
    def __init__(self, function, width=8):
        super().__init__()
        self.a, self.b, self.function = nn.Linear(5, 8), nn.Linear(width, 3), function

    def forward(self, x):
        return self.b(self.function(self.a(x)))


def causes_of(reference, port, folder, shapes=((5,),)):
    pair = ModelPair(name="structures", reference=reference, port=port, input_shapes=shapes)
    torch.manual_seed(0)
    path, formats = saved(reference(), folder), ("weights.h5",)
    report = convert(path, folder / "port", pair=pair, formats=formats, keep_failed=True).report
    return [(cause.name, cause.detail) for held in report.divergences for cause in held.causes]


def remedies_of(reference, port, folder, shapes, axes):
    pair = ModelPair(
        name="remedies", reference=reference, port=port, input_shapes=shapes, inputs=(axes,), outputs={"output": axes}
    )
    report = convert(saved(reference(), folder), folder / "port", pair=pair, keep_failed=True).report
    return [cause.remedy for held in report.divergences for cause in held.causes]


TABLE = np.sin(np.arange(9.0) ** 1.5).astype("float32")
SQUARE = np.sin(np.arange(16.0) ** 1.5).reshape(4, 4).astype("float32")


def torch_table(x):
    return torch.tensor(TABLE[:8]).to(x.dtype)


def keras_table(values):
    return lambda x: x + ops.cast(np.ascontiguousarray(values), x.dtype)


CASES = {
    "order": (
        lambda x: torch.relu(x).contiguous() * torch_table(x) + x,
        lambda x: (ops.relu(x) + x) * ops.cast(TABLE[:8], x.dtype),
        ("steps in another order", "mul behind add"),
    ),
    "left out": (
        lambda x: torch.relu(x * x.softmax(-1)),
        ops.relu,
        ("steps left out", "mul with softmax of the output of a left out"),
    ),
    "table by turns": (
        lambda x: x + torch_table(x),
        keras_table(TABLE[:8].reshape(4, 2).T.ravel()),
        ("another table", "one after another where the reference has them by turns"),
    ),
    "table from another step": (
        lambda x: x + torch_table(x),
        keras_table(TABLE[1:]),
        ("another table", "its steps are 1 on along axis 1"),
    ),
    "factor": (
        lambda x: x.softmax(-1),
        lambda x: ops.softmax(x * 0.5),
        ("scale added", "times 0.5 behind a"),
    ),
    "base": (
        lambda x: 10000.0 ** -x.tanh(),
        lambda x: 1000.0 ** -ops.tanh(x),
        ("another number", "1000 in rpow, where the reference has 10000"),
    ),
    "function": (
        torch.abs,
        ops.square,
        ("another function", "square where the reference has abs"),
    ),
    "gates": (
        lambda x: torch.sigmoid(x) * x.relu() + (1 - torch.sigmoid(x)) * x.sin(),
        lambda x: (1 - ops.sigmoid(x)) * ops.relu(x) + ops.sigmoid(x) * ops.sin(x),
        ("operands in another order", "exchanged in two products"),
    ),
    "term": (lambda x: x.relu() + 0.7, ops.relu, ("term missing", "add of 0.7 is left out")),
    "zeros": (torch.tanh, lambda x: x * 0, ("zeros instead", "zeros where the reference hands on a")),
    "parts": (
        lambda x: torch.cat([(parts := x.split([3, 5], -1))[0].tanh(), parts[1]], -1),
        lambda x: ops.concatenate([ops.tanh((parts := ops.split(x, [5], -1))[1]), parts[0]], -1),
        ("parts in another order", "the parts lie in the order (1, 0)"),
    ),
    "logarithm": (
        lambda x: x.softmax(-1),
        ops.log_softmax,
        ("activation of another kind", "log_softmax where the reference has softmax"),
    ),
    "positive": (
        functional.softplus,
        lambda x: ops.exp(x * 1.0),
        ("activation of another kind", "exponential where the reference has softplus"),
    ),
    "turns": (
        lambda x: torch.sin(x * (2 * np.pi)),
        lambda x: ops.sin(x * np.pi),
        ("another number", "3.14159265 in mul, where the reference has 6.28319"),
    ),
    "mask": (
        lambda x: x * (torch_table(x) > 0).to(x.dtype),
        lambda x: x * ops.cast(TABLE[:8] <= 0, x.dtype),
        ("another table", "ones where the reference has zeros"),
    ),
    "mean": (
        lambda x: x.unflatten(1, (4, 2)).max(1)[0].repeat(1, 4),
        lambda x: ops.tile(ops.mean(ops.reshape(x, (-1, 4, 2)), 1), (1, 4)),
        ("pooling of another kind", "mean where the reference has max"),
    ),
    "axis": (
        lambda x: (y := x.unflatten(1, (4, 2))).sub(y.logsumexp(1, keepdim=True)).flatten(1),
        lambda x: ops.reshape((y := ops.reshape(x, (-1, 4, 2))) - ops.logsumexp(y, 2, keepdims=True), (-1, 8)),
        ("pooling of another kind", "over axis 2"),
    ),
    "broadcast": (
        lambda x: (x[:, :4, None] * torch.tensor(SQUARE).to(x.dtype)).sum(1).repeat(1, 2),
        lambda x: ops.tile(ops.sum(x[:, None, :4] * ops.cast(SQUARE, x.dtype), 1), (1, 2)),
        ("axis put in elsewhere", "axis 1 put in where the reference puts in axis 2"),
    ),
    "norm": (
        lambda x: x * torch.rsqrt(x.square().mean(-1, keepdim=True) + 1e-8),
        lambda x: x * 1.0,
        ("steps left out", "mul with rsqrt of "),
    ),
}
"""What is wrong -> the reference's function, the port's, the cause's name and a part of its detail."""

FAST = ("order", "table by turns")


@pytest.mark.parametrize("case", [pytest.param(name, marks=() if name in FAST else pytest.mark.slow) for name in CASES])
def test_a_function_of_one_layer(case, tmp_path):
    ours, theirs, (name, detail) = CASES[case]

    def port():
        x = keras.Input((5,))
        return keras.Model(x, layers.Dense(3, name="b")(theirs(layers.Dense(8, name="a")(x))))

    ((found, told),) = causes_of(lambda: Net(ours), port, tmp_path)
    assert (found, detail in told) == (name, True), told


@pytest.mark.slow
@pytest.mark.parametrize("is_by_turns", [True, False])
def test_gated_units(is_by_turns, tmp_path):
    def port():
        x = keras.Input((5,))
        hidden = layers.Dense(8, name="a")(x)
        first, second = (hidden[..., ::2], hidden[..., 1::2]) if is_by_turns else ops.split(hidden, 2, -1)
        gate = ops.sigmoid(second) if is_by_turns else ops.silu(second)
        return keras.Model(x, layers.Dense(3, name="b")(first * gate))

    ((name, _),) = causes_of(lambda: Net(functional.glu, 4), port, tmp_path)
    assert name == ("parts in another order" if is_by_turns else "activation of another kind")


class Normed(nn.Module):
    """A block that normalises before its branch."""

    def __init__(self):
        super().__init__()
        self.a, self.norm, self.b, self.c = nn.Linear(5, 8), nn.LayerNorm(8), nn.Linear(8, 8), nn.Linear(8, 3)

    def forward(self, x):
        hidden = self.a(x)
        return self.c(hidden + self.b(self.norm(hidden)))


def test_a_norm_behind_its_branch(tmp_path):
    def port():
        x = keras.Input((5,))
        hidden = layers.Dense(8, name="a")(x)
        hidden = layers.Add()([hidden, layers.Dense(8, name="b")(hidden)])
        hidden = layers.LayerNormalization(epsilon=1e-5, name="norm")(hidden)
        return keras.Model(x, layers.Dense(3, name="c")(hidden))

    found = causes_of(Normed, port, tmp_path)
    assert {name for name, _ in found} == {"connected otherwise"}
    assert any("b gets the output of a, where the reference gives it the output of norm" in told for _, told in found)
    assert any("norm gets the sum of the output of" in told for _, told in found)


class Tokens(nn.Module):
    """Positions are added behind a token that is put in front."""

    def __init__(self):
        super().__init__()
        self.a, self.b = nn.Linear(5, 8), nn.Linear(8, 3)
        self.first, self.places = nn.Parameter(torch.randn(1, 1, 8)), nn.Parameter(torch.randn(1, 5, 8))

    def forward(self, x):
        return self.b(torch.cat([self.first.expand(len(x), -1, -1), self.a(x)], 1) + self.places)


class Places(layers.Layer):
    def build(self, shape):
        self.first = self.add_weight(shape=(1, 1, 8), name="first")
        self.places = self.add_weight(shape=(1, 5, 8), name="places")

    def call(self, x):
        first = ops.broadcast_to(self.first, (ops.shape(x)[0], 1, 8))
        return ops.concatenate([first, x + self.places[:, 1:]], 1)


@pytest.mark.slow
def test_positions_that_one_token_lacks(tmp_path):
    def port():
        x = keras.Input((4, 5))
        return keras.Model(x, layers.Dense(3, name="b")(Places()(layers.Dense(8, name="a")(x))))

    ((name, detail),) = causes_of(Tokens, port, tmp_path, ((4, 5),))
    assert name == "steps left out"
    assert "add with places left out" in detail
    assert "at 0 of axis 1" in detail


class Chomped(nn.Module):
    """A causal convolution that is padded at both ends and cut behind."""

    def __init__(self):
        super().__init__()
        self.a, self.b = nn.Conv1d(3, 4, 3, padding=4, dilation=2), nn.Conv1d(4, 2, 1)

    def forward(self, x):
        return self.b(torch.relu(self.a(x)[..., :-4]))


def test_both_ends_padded_where_the_reference_is_causal(tmp_path):
    def port():
        x = keras.Input((12, 3))
        hidden = layers.Conv1D(4, 3, padding="same", dilation_rate=2, activation="relu", name="a")(x)
        return keras.Model(x, layers.Conv1D(2, 1, name="b")(hidden))

    found = remedies_of(Chomped, port, tmp_path, ((12, 3),), "sample channel point -> sample point channel")
    assert found == ['give a padding="causal"']


class Strided(nn.Module):
    def __init__(self):
        super().__init__()
        self.a, self.b = nn.Conv2d(3, 4, 3, stride=2, padding=1), nn.Conv2d(4, 2, 1)

    def forward(self, x):
        return self.b(torch.relu(self.a(x)))


@pytest.mark.slow
def test_a_strided_convolution_that_is_padded_by_keras(tmp_path):
    def port():
        x = keras.Input((8, 8, 3))
        hidden = layers.Conv2D(4, 3, 2, padding="same", activation="relu", name="a")(x)
        return keras.Model(x, layers.Conv2D(2, 1, name="b")(hidden))

    axes = "sample channel row column -> sample row column channel"
    (remedy,) = remedies_of(Strided, port, tmp_path, ((8, 8, 3),), axes)
    assert remedy == 'ZeroPadding2D(((1, 1), (1, 1))) before a, and padding="valid" in it'


class Doubled(nn.Module):
    def __init__(self):
        super().__init__()
        self.a = nn.ConvTranspose2d(3, 4, 3, stride=2, padding=1, output_padding=1)
        self.b = nn.Conv2d(4, 2, 1)

    def forward(self, x):
        return self.b(torch.relu(self.a(x)))


def doubled(is_same):
    def port():
        x = keras.Input((5, 5, 3))
        hidden = layers.Conv2DTranspose(4, 3, 2, padding="same" if is_same else "valid", name="a")(x)
        hidden = hidden if is_same else layers.Cropping2D(((1, 0), (1, 0)))(hidden)
        return keras.Model(x, layers.Conv2D(2, 1, name="b")(layers.ReLU()(hidden)))

    return port


@pytest.mark.slow
@pytest.mark.parametrize("is_same", [True, False])
def test_a_transposed_convolution_that_is_cropped_by_keras(is_same, tmp_path):
    axes = "sample channel row column -> sample row column channel"
    found = remedies_of(Doubled, doubled(is_same), tmp_path, ((5, 5, 3),), axes)
    assert found == (['give a padding="valid", and Cropping2D(((1, 0), (1, 0))) behind it'] if is_same else [])
