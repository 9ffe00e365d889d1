"""Modules and layers that are several: bags of words, separable convolutions, tables used twice, products."""

from functools import partial

import keras
import numpy as np
import pytest
import torch
from keras import layers, ops
from torch import nn

from parity_tests.porting.zoo.weights import saved
from porting import ModelPair, Probe, Status, convert, export
from porting.errors import PairError

SIGNALS = "sample channel point -> sample point channel"
IMAGES = "sample channel row column -> sample row column channel"


class Bag(nn.Module):
    def __init__(self, mode="mean", padding=None, offsets=False):
        super().__init__()
        self.bag, self.head = nn.EmbeddingBag(11, 4, mode=mode, padding_idx=padding), nn.Linear(4, 2)
        self.offsets = offsets

    def forward(self, words):
        if self.offsets:
            return self.head(self.bag(words.flatten(), torch.arange(len(words)) * words.shape[1]))
        return self.head(self.bag(words))


def build_bag(reduce):
    words = keras.Input((5,), dtype="int32")
    return keras.Model(words, layers.Dense(2, name="head")(reduce(layers.Embedding(11, 4, name="bag")(words), axis=1)))


def draw_words(sizes, file, count):
    return Probe((np.random.default_rng(1).integers(0, 11, (count, 5)).astype("int32"),), "random words")


@pytest.mark.parametrize(
    ("mode", "reduce", "status"),
    [("sum", ops.sum, "PASS"), ("mean", ops.mean, "PASS"), ("max", ops.max, "PASS"), ("sum", ops.mean, "FAIL")],
)
def test_a_bag_is_an_embedding_and_what_is_made_of_its_words(mode, reduce, status, tmp_path):
    pair = ModelPair(name="bag", reference=partial(Bag, mode), port=partial(build_bag, reduce), probe=draw_words)
    report = convert(saved(pair.reference(), tmp_path), tmp_path / "port", pair=pair, keep_failed=True).report
    assert report.verdict.value == status, report
    if status == "FAIL":
        assert next((held.before, held.reference) for held in report.divergences) == ("bag", "head")


def test_bags_of_different_lengths_are_refused_by_name(tmp_path):
    pair = ModelPair(
        name="bag", reference=partial(Bag, offsets=True), port=partial(build_bag, ops.mean), probe=draw_words
    )
    with pytest.raises(PairError, match=r"bag \(EmbeddingBag\) is given offsets"):
        convert(saved(pair.reference(), tmp_path), tmp_path / "port", pair=pair)


class Separable(nn.Module):
    """A convolution of each channel, one of a single tap, and a ReLU."""

    def __init__(self, rank=1, bias=False):
        super().__init__()
        kind = (nn.Conv1d, nn.Conv2d)[rank - 1]
        self.depthwise, self.pointwise = kind(3, 6, 3, groups=3, bias=bias), kind(6, 4, 1)

    def forward(self, given):
        return torch.relu(self.pointwise(self.depthwise(given)))


def build_separable(rank=1, activation="relu"):
    given = keras.Input((9, 3) if rank == 1 else (9, 8, 3))
    kind = (layers.SeparableConv1D, layers.SeparableConv2D)[rank - 1]
    return keras.Model(given, kind(4, 3, depth_multiplier=2, activation=activation, name="separable")(given))


@pytest.mark.parametrize("rank", [1, 2])
@pytest.mark.parametrize(("activation", "status"), [("relu", "PASS"), (None, "FAIL")])
def test_a_separable_convolution_is_two(rank, activation, status, tmp_path):
    axes = (SIGNALS, IMAGES)[rank - 1]
    pair = ModelPair(
        name="separable",
        reference=partial(Separable, rank),
        port=partial(build_separable, rank, activation),
        inputs=(axes,),
        outputs={"output": axes},
        input_shapes=((9, 3) if rank == 1 else (9, 8, 3),),
    )
    reference = pair.reference()
    report = convert(saved(reference, tmp_path), tmp_path / "port", pair=pair, keep_failed=True).report
    assert report.verdict.value == status, report
    exported = torch.load(export(tmp_path / "port.keras", tmp_path / "back.pt", pair=pair))["state_dict"]
    for name, tensor in reference.state_dict().items():
        assert torch.equal(exported[name], tensor), name


class Tied(nn.Module):
    """A table that is looked up, and another one, or the same, that scores."""

    def __init__(self, tied):
        super().__init__()
        self.table, self.inner, self.scores = nn.Embedding(11, 4), nn.Linear(4, 4), nn.Linear(4, 11, bias=False)
        if tied:
            self.scores.weight = self.table.weight

    def forward(self, words):
        return self.scores(torch.tanh(self.inner(self.table(words))))


def build_tied(tied):
    words = keras.Input((5,), dtype="int32")
    table = layers.ReversibleEmbedding(11, 4, tie_weights=tied, name="table")
    return keras.Model(words, table(layers.Dense(4, "tanh", name="inner")(table(words)), reverse=True))


@pytest.mark.parametrize("tied", [True, False])
def test_a_reversible_embedding_is_one_table_or_two(tied, tmp_path):
    pair = ModelPair(name="tied", reference=partial(Tied, tied), port=partial(build_tied, tied), probe=draw_words)
    report = convert(saved(pair.reference(), tmp_path), tmp_path / "port", pair=pair).report
    assert report.verdict is Status.PASS, report


class Scaled(nn.Module):
    """Time first throughout."""

    def __init__(self):
        super().__init__()
        self.inner, self.outer = nn.Linear(5, 4), nn.Linear(4, 2)

    def forward(self, steps):
        return self.outer(torch.relu(self.inner(steps.transpose(0, 1)))).transpose(0, 1)


@pytest.mark.parametrize("activations", [{}, {"inner": "position sample ... -> sample position ..."}])
def test_positions_may_be_before_samples(activations, tmp_path):
    def port():
        steps = keras.Input((7, 5))
        return keras.Model(steps, layers.Dense(2, name="outer")(layers.Dense(4, "relu", name="inner")(steps)))

    pair = ModelPair(name="own", reference=Scaled, port=port, input_shapes=((7, 5),), activations=activations)
    report = convert(saved(Scaled(), tmp_path), tmp_path / "port", pair=pair).report
    assert report.verdict is Status.PASS, report


class Paired(nn.Module):
    """A Bilinear of two projections."""

    def __init__(self):
        super().__init__()
        self.left, self.right, self.both = nn.Linear(5, 4), nn.Linear(5, 3), nn.Bilinear(4, 3, 2)

    def forward(self, given):
        return self.both(self.left(given), torch.tanh(self.right(given)))


@keras.saving.register_keras_serializable("zoo")
class Products(layers.Layer):
    """A weighted sum of all products of two inputs' features, units last."""

    def build(self, shapes):
        self.products = self.add_weight(shape=(shapes[0][-1], shapes[1][-1], 2), name="products")
        self.shift = self.add_weight(shape=(2,), name="shift")

    def call(self, inputs):
        return ops.einsum("abc,na,nb->nc", self.products, *inputs) + self.shift


def test_a_bilinear_is_two_tensors_in_a_layer_of_the_ports_own(tmp_path):
    def port():
        given = keras.Input((5,))
        both = layers.Dense(4, name="left")(given), layers.Dense(3, "tanh", name="right")(given)
        return keras.Model(given, Products(name="both")(both))

    pair = ModelPair(name="bilinear", reference=Paired, port=port, input_shapes=((5,),))
    reference = Paired()
    report = convert(saved(reference, tmp_path), tmp_path / "port", pair=pair).report
    assert report.verdict is Status.PASS, report
    exported = torch.load(export(tmp_path / "port.keras", tmp_path / "back.pt", pair=pair))["state_dict"]
    assert torch.equal(exported["both.weight"], reference.both.weight)
