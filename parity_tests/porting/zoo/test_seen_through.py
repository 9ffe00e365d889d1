"""Modules and layers that are several: recurrent stacks, bags of words, separable convolutions, tables used twice."""

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
from porting.reference.sums import sum_up

SIGNALS = "sample channel point -> sample point channel"
IMAGES = "sample channel row column -> sample row column channel"


class Stack(nn.Module):
    """A recurrent layer of several layers or directions, and what its steps or its last states are scored as."""

    def __init__(self, kind, *, from_states=False, batch_first=True, **settings):
        super().__init__()
        self.recurrent = kind(6, 4, batch_first=batch_first, **settings)
        self.head = nn.Linear(8 if self.recurrent.bidirectional else 4, 3)
        self.from_states, self.batch_first = from_states, batch_first

    def forward(self, steps):
        outputs, states = self.recurrent(steps if self.batch_first else steps.transpose(0, 1))
        if not self.from_states:
            return self.head(outputs if self.batch_first else outputs.transpose(0, 1))
        last = states[0] if isinstance(states, tuple) else states
        return self.head(torch.cat([last[-2], last[-1]], -1) if self.recurrent.bidirectional else last[-1])


def build_stack(kind, *, count=1, bidirectional=False, from_states=False, forwards=False):
    steps = hidden = keras.Input((5, 6))
    for number in range(count):
        is_last_step = from_states and number == count - 1
        layer = kind(4, return_sequences=not is_last_step, name=f"recurrent{number}")
        backwards = kind(4, return_sequences=not is_last_step, go_backwards=not forwards, name=f"back{number}")
        if bidirectional and forwards:
            hidden = layers.Concatenate()([layer(hidden), backwards(hidden)])
        else:
            hidden = (layers.Bidirectional(layer, backward_layer=backwards) if bidirectional else layer)(hidden)
    return keras.Model(steps, layers.Dense(3, name="head")(hidden))


def stack(kind, port, *, count, bidirectional, from_states=False, batch_first=True):
    settings = {"num_layers": count, "bidirectional": bidirectional, "batch_first": batch_first}
    return ModelPair(
        name="stack",
        reference=partial(Stack, kind, from_states=from_states, **settings),
        port=partial(build_stack, port, count=count, bidirectional=bidirectional, from_states=from_states),
        input_shapes=((5, 6),),
    )


STACKS = {
    "LSTM of 2 layers and both directions": stack(nn.LSTM, layers.LSTM, count=2, bidirectional=True),
    "GRU of both directions, last states": stack(nn.GRU, layers.GRU, count=1, bidirectional=True, from_states=True),
    "RNN of 3 layers, time first": stack(nn.RNN, layers.SimpleRNN, count=3, bidirectional=False, batch_first=False),
    "LSTM of both directions, last states, time first": stack(
        nn.LSTM, layers.LSTM, count=2, bidirectional=True, from_states=True, batch_first=False
    ),
}


@pytest.mark.parametrize("pair", STACKS.values(), ids=STACKS)
def test_a_stack_passes_and_comes_back(pair, tmp_path):
    reference = pair.reference()
    report = convert(saved(reference, tmp_path), tmp_path / "port", pair=pair).report
    assert report.verdict is Status.PASS, report
    exported = torch.load(export(tmp_path / "port.keras", tmp_path / "back.pt", pair=pair))["state_dict"]
    state_dict = {name: tensor.numpy() for name, tensor in reference.state_dict().items()}
    for name, array in {**state_dict, **sum_up(state_dict, reference)}.items():
        assert np.array_equal(exported[name].numpy(), array), name


def test_a_direction_that_runs_forwards_is_named(tmp_path):
    port = partial(build_stack, layers.GRU, bidirectional=True, forwards=True)
    pair = ModelPair(
        name="stack",
        reference=partial(Stack, nn.GRU, bidirectional=True),
        port=port,
        input_shapes=((5, 6),),
        matches={"recurrent.l0": "recurrent0", "recurrent.l0_reverse": "back0"},
    )
    report = convert(saved(pair.reference(), tmp_path), tmp_path / "port", pair=pair, keep_failed=True).report
    assert report.verdict is Status.FAIL
    assert "recurrent.l0_reverse runs backwards in torch" in report.plan.setting_differences[0]


def test_layers_of_a_stack_that_are_exchanged_are_located(tmp_path):
    def port():
        steps = keras.Input((5, 4))
        first, second = (layers.LSTM(4, return_sequences=True, name=name) for name in ("l1", "l0"))
        return keras.Model(steps, second(first(steps)))

    class Steps(nn.Module):
        def __init__(self):
            super().__init__()
            self.lstm = nn.LSTM(4, 4, num_layers=2, batch_first=True)

        def forward(self, steps):
            return self.lstm(steps)[0]

    pair = ModelPair(
        name="stack", reference=Steps, port=port, input_shapes=((5, 4),), matches={"lstm.l0": "l0", "lstm.l1": "l1"}
    )
    report = convert(saved(Steps(), tmp_path), tmp_path / "port", pair=pair, keep_failed=True).report
    assert report.semantics.status is Status.FAIL
    assert {divergence.reference for divergence in report.divergences} >= {"lstm.l0"}


@pytest.mark.parametrize("kind", [nn.LSTM, nn.GRU, nn.RNN])
@pytest.mark.parametrize("settings", [{"num_layers": 2}, {"bidirectional": True}, {"bias": False, "num_layers": 2}])
@pytest.mark.parametrize("batch_first", [True, False])
@pytest.mark.parametrize("start", ["zeros", "states", "one sample"])
def test_a_stack_in_layers_is_torchs_own(kind, settings, batch_first, start):
    from porting.reference.expansions.modules import expansion_of
    from porting.reference.side import own_tensors

    module = kind(5, 4, batch_first=batch_first, **settings).double().eval()
    steps = torch.randn((6, 5) if start == "one sample" else (3, 6, 5), dtype=torch.float64)
    given = (steps,)
    if start == "states":
        samples, count = steps.shape[0 if batch_first else 1], 2
        states = tuple(torch.randn(count, samples, 4, dtype=torch.float64) for _ in range(2))
        given = (steps, states if kind is nn.LSTM else states[0])
    expansion = expansion_of("stack", module, own_tensors("stack", module))
    if expansion is None:
        pytest.skip("one layer as it is")
    ours, theirs = expansion.recorded(lambda about, tensor, run: run(tensor))(*given), module(*given)
    flat = (
        [ours[0], *(ours[1] if kind is nn.LSTM else ours[1:])],
        [theirs[0], *(theirs[1] if kind is nn.LSTM else theirs[1:])],
    )
    for left, right in zip(*flat, strict=True):
        np.testing.assert_allclose(left.detach(), right.detach(), rtol=0, atol=1e-13)


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
