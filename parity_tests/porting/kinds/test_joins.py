"""Layers of the reference that the port has side by side in one: query, key and value."""

from typing import Any

import keras
import pytest
import torch
from keras import layers, ops

from parity_tests.porting.zoo.weights import saved
from porting import ModelPair, Status, convert, export, verify
from porting.errors import PairError

FEATURES = 6


class Attending(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.parts = torch.nn.ModuleDict({word: torch.nn.Linear(FEATURES, FEATURES) for word in "qkv"})
        self.last = torch.nn.Linear(FEATURES, 2)

    def forward(self, x):
        query, key, value = (self.parts[word](x) for word in "qkv")
        return self.last((query @ key.transpose(1, 2) / FEATURES**0.5).softmax(-1) @ value)


def port(order="qkv", scale=FEATURES**0.5):
    x = keras.Input((4, FEATURES))
    split: Any = ops.split(layers.Dense(3 * FEATURES, name="all")(x), 3, axis=-1)
    parts = dict(zip(order, split, strict=True))
    scores: Any = ops.matmul(parts["q"], ops.transpose(parts["k"], (0, 2, 1)))
    weights = ops.softmax(scores / scale)
    return keras.Model(x, layers.Dense(2, name="last")(ops.matmul(weights, parts["v"])))


def pair_of(build, **more):
    return ModelPair(name="joined", reference=Attending, port=build, input_shapes=((4, FEATURES),), **more)


@pytest.mark.parametrize(
    "joins", [(), pytest.param(("parts.(v q k)",), marks=pytest.mark.slow)], ids=["unasked", "asked"]
)
def test_a_port_that_has_three_layers_in_one_passes_and_comes_back(joins, tmp_path):
    pair, path = pair_of(lambda: port("vqk"), joins=joins), saved(Attending(), tmp_path)
    report = convert(path, tmp_path / "port", pair=pair).report
    assert report.verdict is Status.PASS, report.parts
    assert [held.reference for held in report.plan.pairs] == ["parts.(v q k)", "last"]
    assert verify(tmp_path / "port.keras", pair=pair).verdict is Status.PASS
    back = torch.load(export(tmp_path / "port.keras", tmp_path / "back.pt", pair=pair))["state_dict"]
    assert all(torch.equal(back[name], tensor) for name, tensor in torch.load(path).items())


def test_a_fault_behind_joined_layers_is_located(tmp_path):
    pair = pair_of(lambda: port(scale=1.0), joins=("parts.(q k v)",))
    report = convert(saved(Attending(), tmp_path), tmp_path / "port", pair=pair, keep_failed=True).report
    assert [(held.reference, [cause.name for cause in held.causes]) for held in report.divergences] == [
        ("last", ["scale missing"])
    ]


def test_a_fault_behind_an_order_that_nothing_decides_is_located_and_told(tmp_path):
    pair = pair_of(lambda: port(scale=1.0))
    report = convert(saved(Attending(), tmp_path), tmp_path / "port", pair=pair, keep_failed=True).report
    assert [(held.reference, [cause.name for cause in held.causes]) for held in report.divergences] == [
        ("last", ["scale missing"])
    ]
    assert "in no order do the models agree behind parts.(q k v)" in report.transfer.lines


class Heads(Attending):
    """The same with two heads."""

    def forward(self, x):
        query, key, value = (self.parts[word](x).unflatten(-1, (2, 3)).transpose(1, 2) for word in "qkv")
        seen = (query @ key.transpose(-1, -2) / 3**0.5).softmax(-1) @ value
        return self.last(seen.transpose(1, 2).flatten(-2))


def heads():
    x = keras.Input((4, FEATURES))
    folded: Any = layers.Reshape((4, 2, 3, 3))(layers.Dense(3 * FEATURES, name="all")(x))
    query, key, value = (ops.transpose(folded[:, :, :, at], (0, 2, 1, 3)) for at in range(3))
    scores: Any = ops.matmul(query, ops.transpose(key, (0, 1, 3, 2)))
    seen = ops.matmul(ops.softmax(scores / 3**0.5), value)
    return keras.Model(x, layers.Dense(2, name="last")(layers.Reshape((4, 6))(ops.transpose(seen, (0, 2, 1, 3)))))


@pytest.mark.parametrize("joins", [(), ("parts.(q k v for each of 2)",)], ids=["unasked", "asked"])
def test_a_port_whose_heads_have_three_layers_together_passes_and_comes_back(joins, tmp_path):
    pair = ModelPair(name="heads", reference=Heads, port=heads, input_shapes=((4, FEATURES),), joins=joins)
    path = saved(Heads(), tmp_path)
    report = convert(path, tmp_path / "port", pair=pair).report
    assert report.verdict is Status.PASS, report.parts
    assert [held.reference for held in report.plan.pairs] == ["parts.(q k v for each of 2)", "last"]
    assert verify(tmp_path / "port.keras", pair=pair).verdict is Status.PASS
    back = torch.load(export(tmp_path / "port.keras", tmp_path / "back.pt", pair=pair))["state_dict"]
    assert all(torch.equal(back[name], tensor) for name, tensor in torch.load(path).items())


def test_layers_that_are_not_there_are_refused(tmp_path):
    pair = pair_of(port, joins=("parts.(q k values)",))
    with pytest.raises(PairError, match=r"joins names layers that the reference does not have: parts\.\(q k values\)"):
        convert(saved(Attending(), tmp_path), tmp_path / "port", pair=pair)


class Packed(torch.nn.Module):
    """An attention whose three projections are one tensor."""

    def __init__(self):
        super().__init__()
        self.attention, self.last = torch.nn.MultiheadAttention(FEATURES, 1, batch_first=True), torch.nn.Linear(6, 2)

    def forward(self, x):
        return self.last(self.attention(x, x, x, need_weights=False)[0])


def test_the_projections_of_an_attention_may_be_one_layer_of_the_port(tmp_path):
    def packed():
        x = keras.Input((4, FEATURES))
        parts: Any = ops.split(layers.Dense(3 * FEATURES)(x), 3, axis=-1)
        query, key, value = parts
        scores: Any = ops.matmul(query, ops.transpose(key, (0, 2, 1)))
        weights = ops.softmax(scores / FEATURES**0.5)
        return keras.Model(x, layers.Dense(2)(layers.Dense(FEATURES)(ops.matmul(weights, value))))

    pair = ModelPair(name="packed", reference=Packed, port=packed, input_shapes=((4, FEATURES),))
    path = saved(Packed(), tmp_path)
    report = convert(path, tmp_path / "port", pair=pair).report
    assert report.verdict is Status.PASS, report.parts
    back = torch.load(export(tmp_path / "port.keras", tmp_path / "back.pt", pair=pair))["state_dict"]
    assert all(torch.equal(back[name], tensor) for name, tensor in torch.load(path).items())
