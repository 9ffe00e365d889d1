"""Layers that are given samples and steps merged in one model, and apart in the other."""

import keras
import pytest
import torch
from keras import layers, ops
from torch import nn
from torch.nn import functional

from parity_tests.porting.zoo.weights import saved
from porting import ModelPair, Status, convert, verify

STEPS, FEATURES = 3, 4


class Scored(nn.Module):
    def __init__(self, *, is_merged):
        super().__init__()
        self.is_merged, self.first, self.norm, self.last = is_merged, nn.Linear(4, 5), nn.LayerNorm(5), nn.Linear(5, 2)

    def forward(self, steps):
        given = steps.reshape(-1, FEATURES) if self.is_merged else steps
        found = self.last(torch.relu(self.norm(self.first(given))))
        return found.view(-1, STEPS, 2)


def scored(is_merged, activation=ops.relu):
    def build():
        steps = keras.Input((STEPS, FEATURES))
        given = ops.reshape(steps, (-1, FEATURES)) if is_merged else steps
        hidden = layers.LayerNormalization(epsilon=1e-5)(layers.Dense(5)(given))
        found = layers.Dense(2)(activation(hidden))
        return keras.Model(steps, ops.reshape(found, (-1, STEPS, 2)) if is_merged else found)

    return build


def pair_of(ours, port):
    return ModelPair(
        name="merged", reference=lambda: Scored(is_merged=ours), port=port, input_shapes=((STEPS, FEATURES),)
    )


@pytest.mark.parametrize("ours", [True, False])
def test_samples_and_steps_may_be_merged_in_one_model(ours, tmp_path):
    pair = pair_of(ours, scored(not ours))
    report = convert(saved(Scored(is_merged=ours), tmp_path), tmp_path / "port", pair=pair).report
    assert report.verdict is verify(tmp_path / "port.keras", pair=pair).verdict is Status.PASS, report.parts


@pytest.mark.parametrize("ours", [True, False])
def test_a_fault_behind_merged_samples_is_named(ours, tmp_path):
    pair = pair_of(ours, scored(not ours, ops.tanh))
    report = convert(saved(Scored(is_merged=ours), tmp_path), tmp_path / "port", pair=pair, keep_failed=True).report
    assert [(held.reference, [cause.name for cause in held.causes]) for held in report.divergences] == [
        ("last", ["activation of another kind"])
    ]


class Lines(nn.Module):
    """Lines of words, each read by itself."""

    def __init__(self):
        super().__init__()
        self.words, self.last = nn.Embedding(11, 5), nn.Linear(5, 2)

    def forward(self, lines):
        return self.last(self.words(lines))


def merged_lines():
    lines = keras.Input((3, 4), dtype="int32")
    found = layers.Dense(2)(layers.Embedding(11, 5)(ops.reshape(lines, (-1, 4))))
    return keras.Model(lines, ops.reshape(found, (-1, 3, 4, 2)))


def test_words_may_be_looked_up_with_samples_and_lines_merged(tmp_path):
    pair = ModelPair(name="lines", reference=Lines, port=merged_lines, input_shapes=((3, 4),))
    report = convert(saved(Lines(), tmp_path), tmp_path / "port", pair=pair).report
    assert report.verdict is Status.PASS, report.parts


class Frames(nn.Module):
    """A convolution and a layer of each frame, then a recurrence over them."""

    def __init__(self):
        super().__init__()
        self.look, self.sum_up = nn.Conv2d(1, 3, 3), nn.Linear(12, 5)
        self.remember, self.head = nn.GRU(5, 4, batch_first=True), nn.Linear(4, 2)

    def forward(self, frames):
        seen = functional.max_pool2d(self.look(frames.flatten(0, 1)).relu(), 2).flatten(1)
        return self.head(self.remember(self.sum_up(seen).unflatten(0, (-1, 3)))[1][-1])


def frames():
    given = keras.Input((3, 6, 6, 1))
    seen = given
    for layer in (layers.Conv2D(3, 3, activation="relu"), layers.MaxPooling2D(2), layers.Permute((3, 1, 2))):
        seen = layers.TimeDistributed(layer)(seen)
    seen = layers.TimeDistributed(layers.Dense(5))(layers.TimeDistributed(layers.Flatten())(seen))
    return keras.Model(given, layers.Dense(2)(layers.GRU(4)(seen)))


def test_what_is_time_distributed_may_be_merged_in_the_reference(tmp_path):
    axes = ("sample time channel row column -> sample time row column channel",)
    pair = ModelPair(name="frames", reference=Frames, port=frames, inputs=axes, input_shapes=((3, 6, 6, 1),))
    report = convert(saved(Frames(), tmp_path), tmp_path / "port", pair=pair).report
    assert report.verdict is Status.PASS, report.parts


class Attending(nn.Module):
    def __init__(self):
        super().__init__()
        self.q, self.k, self.v, self.o = (nn.Linear(6, 6) for _ in range(4))

    def forward(self, x):
        query, key, value = (layer(x.view(-1, 6)).view(-1, 4, 6) for layer in (self.q, self.k, self.v))
        return self.o((query @ key.transpose(1, 2)).softmax(-1) @ value)


def attending():
    x = keras.Input((4, 6))
    value, key, query = (layers.Dense(6, name=name)(x) for name in "abc")
    weights = ops.softmax(ops.matmul(query, ops.transpose(key, (0, 2, 1))))
    return keras.Model(x, layers.Dense(6)(ops.matmul(weights, value)))


def test_merged_layers_are_told_apart_by_proof(tmp_path):
    pair = ModelPair(name="attending", reference=Attending, port=attending, input_shapes=((4, 6),))
    report = convert(saved(Attending(), tmp_path), tmp_path / "port", pair=pair).report
    assert report.verdict is Status.PASS, report.parts


def test_outputs_that_are_merged_in_one_model_alone_differ(tmp_path):
    def port():
        steps = keras.Input((STEPS, FEATURES))
        return keras.Model(steps, ops.reshape(scored(False)()(steps), (-1, 2)))

    pair = pair_of(False, port)
    report = convert(saved(Scored(is_merged=False), tmp_path), tmp_path / "port", pair=pair, keep_failed=True).report
    assert report.verdict is Status.FAIL


class LastSteps(nn.Module):
    def __init__(self):
        super().__init__()
        self.read, self.head = nn.LSTM(3, 5, batch_first=True, bidirectional=True), nn.Linear(10, 2)

    def forward(self, steps):
        _, (hidden, _) = self.read(steps)
        return self.head(torch.cat([hidden[-2], hidden[-1]], 1))


def test_steps_of_which_only_the_last_is_returned_are_not_merged_with_samples(tmp_path):
    def port():
        steps = keras.Input((8, 3))  # a divisor of the samples
        return keras.Model(steps, layers.Dense(2)(layers.Bidirectional(layers.LSTM(5))(steps)))

    pair = ModelPair(name="last", reference=LastSteps, port=port, input_shapes=((8, 3),))
    report = convert(saved(LastSteps(), tmp_path), tmp_path / "port", pair=pair).report
    assert report.verdict is Status.PASS, report.parts
