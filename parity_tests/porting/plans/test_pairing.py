import json

import keras
import numpy as np
import pytest
import torch
from keras import layers, ops
from torch import nn
from torch.nn import functional

from porting import ModelPair
from porting.errors import LayerCountError, PairError
from porting.jobs.planning import plan_for
from porting.pairs.finding import draw_probe
from porting.plans.partners.names import equally_named
from porting.port import side as keras_side
from porting.proof.runs import trace_with_sources
from porting.traces import LayerCall

NOTHING = np.zeros(0)


def plan_of_both(reference, port, shape, **fields):
    pair = ModelPair(name="own", reference=lambda: reference, port=lambda: port, input_shapes=(shape,), **fields)
    probe = draw_probe(pair, {}, None, 2)
    with keras_side.precision("float32"):
        return plan_for(pair, trace_with_sources(pair, reference.eval(), probe), port, probe)


def pairs_of(reference, port, shape, **fields):
    return {held.reference: held.port for held in plan_of_both(reference, port, shape, **fields).pairs}


class Attention(nn.Module):
    def __init__(self):
        super().__init__()
        self.q, self.k, self.v, self.o = (nn.Linear(6, 6) for _ in range(4))

    def forward(self, x):
        return self.o((self.q(x) @ self.k(x).transpose(1, 2) / 6**0.5).softmax(-1) @ self.v(x))


def attention(names, scale=6**0.5):
    x = keras.Input((4, 6))
    v, k, q = (layers.Dense(6, name=name)(x) for name in names)
    weights = ops.softmax(ops.matmul(q, ops.transpose(k, (0, 2, 1))) / scale)
    return keras.Model(x, layers.Dense(6, name="out")(ops.matmul(weights, v)))


def test_query_key_and_value_of_other_names_are_told_apart_by_what_they_do():
    assert pairs_of(Attention(), attention(["a", "b", "c"]), (4, 6)) == {"q": "c", "k": "b", "v": "a", "o": "out"}


def test_small_weights_are_told_apart_as_large_ones_are():
    reference = Attention()
    with torch.no_grad():
        for name, parameter in reference.named_parameters():
            parameter.mul_(0.02 if name[0] in "qk" else 1)
    assert pairs_of(reference, attention(["c", "b", "a"]), (4, 6)) == {"q": "a", "k": "b", "v": "c", "o": "out"}


def test_names_decide_where_what_reaches_what_leaves_a_choice():
    assert pairs_of(Attention(), attention(["block_v", "block_k", "block_q"]), (4, 6))["q"] == "block_q"


class LastOfBoth(nn.Module):
    """The last step of both directions, where Keras' Bidirectional returns the first of the one that goes back."""

    def __init__(self):
        super().__init__()
        self.both = nn.RNN(3, 2, batch_first=True, bidirectional=True)

    def forward(self, x):
        return self.both(x)[0][:, -1]


def test_settings_decide_where_nothing_else_does():
    x = keras.Input((4, 3))
    port = keras.Model(x, layers.Bidirectional(layers.SimpleRNN(2), name="b")(x))
    found = pairs_of(LastOfBoth(), port, (4, 3))
    assert {ours: "backward" in theirs for ours, theirs in found.items()} == {"both.l0": False, "both.l0_reverse": True}


def test_what_nothing_decides_is_taken_in_order_and_told_where_no_pairing_is_right():
    plan = plan_of_both(Attention(), attention(["a_value", "a_key", "a_query"], scale=1.0), (4, 6))
    found = {"q": "a_query", "k": "a_key", "v": "a_value"}
    assert {held.reference: held.port for held in plan.pairs} == {**found, "o": "out"}
    assert f"matches={json.dumps(found)}" in plan.told[0]
    matches = {"q": "c", "k": "b", "v": "a"}
    assert plan_of_both(Attention(), attention(["a", "b", "c"], scale=1.0), (4, 6), matches=matches).told == ()


class Many(nn.Module):
    """More layers that reach one place than are tried."""

    def __init__(self):
        super().__init__()
        self.layers = nn.ModuleList(nn.Linear(6, 6) for _ in range(5))

    def forward(self, x):
        return torch.cat([(number + 1) * layer(x) for number, layer in enumerate(self.layers)], -1)


def test_what_nothing_decides_is_told_with_the_line_that_does():
    x = keras.Input((6,))
    port = keras.Model(x, ops.concatenate([layers.Dense(6, name=f"dense_{word}")(x) for word in "abcde"], -1))
    with pytest.raises(PairError) as refusal:
        pairs_of(Many(), port, (6,))
    assert "torch layers.0, layers.1, layers.2, layers.3, layers.4   keras" in str(refusal.value)
    assert 'matches={"layers.0": "' in str(refusal.value).splitlines()[-1]


class Branches(nn.Module):
    """Two branches of two layers each."""

    def __init__(self):
        super().__init__()
        self.a, self.b, self.c, self.d, self.head = *(nn.Linear(4, 4) for _ in range(4)), nn.Linear(8, 2)

    def forward(self, x):
        return self.head(torch.cat([self.b(self.a(x).relu()), self.d(self.c(x).tanh())], -1))


def test_names_that_contradict_what_reaches_what_decide_nothing():
    x = keras.Input((4,))
    a, b, c, d = (layers.Dense(4, name=name) for name in "abcd")
    both = ops.concatenate([b(ops.relu(c(x))), d(ops.tanh(a(x)))], -1)
    port = keras.Model(x, layers.Dense(2, name="head")(both))
    assert pairs_of(Branches(), port, (4,)) == {"a": "c", "b": "b", "c": "a", "d": "d", "head": "head"}


class Gated(nn.Module):
    def __init__(self):
        super().__init__()
        self.w1, self.w2, self.w3 = nn.Linear(6, 8), nn.Linear(8, 6), nn.Linear(6, 8)

    def forward(self, x):
        return self.w2(functional.silu(self.w1(x)) * self.w3(x))


def test_a_fused_activation_lies_behind_its_layer():
    x = keras.Input((6,))
    up, gate = layers.Dense(8, name="up")(x), layers.Dense(8, activation="silu", name="gate")(x)
    port = keras.Model(x, layers.Dense(6, name="down")(layers.Multiply()([up, gate])))
    assert pairs_of(Gated(), port, (6,)) == {"w1": "gate", "w2": "down", "w3": "up"}


class Tied(nn.Module):
    def __init__(self):
        super().__init__()
        self.a, self.b = nn.Linear(6, 6), nn.Linear(6, 3)

    def forward(self, x):
        return functional.linear(torch.relu(self.b(torch.relu(self.a(x)))), self.b.weight.T)


class TiedPort(keras.Model):
    def __init__(self):
        super().__init__()
        self.a, self.b = layers.Dense(6, activation="relu", name="a"), layers.Dense(3, name="b")
        self.b.build((None, 6))

    def call(self, x):
        hidden = ops.relu(ops.matmul(self.a(x), self.b.kernel) + self.b.bias)
        return ops.matmul(hidden, ops.transpose(self.b.kernel))


def test_a_layer_whose_variables_functions_read_moves_all_the_same():
    assert pairs_of(Tied(), TiedPort(), (6,)) == {"a": "tied_port/a", "b": "b"}


def layer(name, kind="Dense"):
    return LayerCall(name, kind, {}, {}, NOTHING, NOTHING)


@pytest.mark.parametrize(
    ("ours", "theirs", "found"),
    [
        (["q", "k"], ["k", "q"], {"q": "q", "k": "k"}),
        (["block.0.q", "block.0.k"], ["block_0/k", "block_0/q"], {"block.0.q": "block_0/q", "block.0.k": "block_0/k"}),
        (["enc.attn.query", "enc.attn.key"], ["attn/key", "attn/query"], {"enc.attn.query": "attn/query"}),
        (["fc.0", "fc.1"], ["dense", "dense_1"], {}),
        (["mean", "spread"], ["mu", "sigma"], {}),
    ],
)
def test_equal_names_pair(ours, theirs, found):
    pairs = {a.name: b.name for a, b in equally_named([layer(name) for name in ours], [layer(name) for name in theirs])}
    assert found.items() <= pairs.items()
    assert bool(pairs) == bool(found)


def test_a_layer_that_is_missing_is_told_where_it_is():
    reference = nn.Sequential(*(nn.Linear(4, 4) for _ in range(2)), nn.LayerNorm(4), nn.Linear(4, 4), nn.Linear(4, 2))
    x = keras.Input((4,))
    hidden = layers.Dense(4)(layers.Dense(4)(layers.Dense(4)(x)))
    with pytest.raises(LayerCountError) as refusal:
        pairs_of(reference, keras.Model(x, layers.Dense(2)(hidden)), (4,))
    lines = [line.split() for line in str(refusal.value).splitlines() if "torch" in line]
    assert [(line[2], "nothing" in line) for line in lines] == [(name, name == "2") for name in "01234"]


class Normed(nn.Module):
    def __init__(self):
        super().__init__()
        self.norm, self.up, self.down = nn.LayerNorm(6), nn.Linear(6, 9), nn.Linear(9, 6)

    def forward(self, x):
        return x + self.down(self.up(self.norm(x)))


def test_a_norm_behind_instead_of_before_is_paired_with_the_norm():
    x = keras.Input((6,))
    summed = x + layers.Dense(6, name="b")(layers.Dense(9, name="a")(x))
    port = keras.Model(x, layers.LayerNormalization(epsilon=1e-5, name="n")(summed))
    assert pairs_of(Normed(), port, (6,)) == {"norm": "n", "up": "a", "down": "b"}


def test_directions_are_told_apart_where_another_setting_differs_in_both():
    x = keras.Input((5, 6))
    gru = layers.GRU(4, return_sequences=True, activation="relu", name="gru")
    port = keras.Model(x, layers.Bidirectional(gru)(x))
    named = pairs_of(Steps(), port, (5, 6))
    assert {name: path.rpartition("/")[2] for name, path in named.items()} == {
        "gru.l0": "forward_gru",
        "gru.l0_reverse": "backward_gru",
    }


class Steps(nn.Module):
    def __init__(self):
        super().__init__()
        self.gru = nn.GRU(6, 4, batch_first=True, bidirectional=True)

    def forward(self, steps):
        return self.gru(steps)[0]


class Pyramid(nn.Module):
    """Branches of one kind on images of other sizes, brought to one size behind them."""

    def __init__(self):
        super().__init__()
        self.branches, self.head = nn.ModuleList(nn.Conv2d(3, 3, 1) for _ in range(2)), nn.Conv2d(6, 2, 1)

    def forward(self, images):
        found = []
        for size, branch in zip((2, 4), self.branches, strict=True):
            small = branch(functional.adaptive_avg_pool2d(images, size))
            found.append(functional.interpolate(small, scale_factor=8 // size, mode="nearest"))
        return self.head(torch.cat(found, 1))


def pyramid(first=2):
    images = keras.Input((8, 8, 3))
    found = []
    for size, name in ((4, "fine"), (2, "coarse")):
        small = layers.Conv2D(3, 1, name=name)(layers.AveragePooling2D(8 // size)(images))
        found.insert(0, layers.UpSampling2D(8 // size)(small))
    joined = layers.Concatenate()(found if first == 2 else found[::-1])
    return keras.Model(images, layers.Conv2D(2, 1, name="out")(joined))


@pytest.mark.parametrize("first", [2, 4])
def test_layers_that_return_other_sizes_are_no_partners_though_the_models_part_behind_them(first):
    inputs = ("sample channel row column -> sample row column channel",)
    found = pairs_of(Pyramid(), pyramid(first), (8, 8, 3), inputs=inputs, outputs={"images": inputs[0]})
    assert found == {"branches.0": "coarse", "branches.1": "fine", "head": "out"}
