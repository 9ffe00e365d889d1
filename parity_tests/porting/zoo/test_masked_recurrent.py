"""Sequences of different lengths: packed in torch, or read at their ends, and masked in Keras."""

import keras
import numpy as np
import pytest
import torch
from keras import layers
from torch import nn

from parity_tests.porting.zoo.weights import saved
from porting import ModelPair, Probe, Status, convert

LENGTH, TOKENS = 6, 9


def padded(sizes, path, count):
    generator = np.random.default_rng(0)
    words, lengths = generator.integers(1, TOKENS, (count, LENGTH)), generator.integers(2, LENGTH + 1, count)
    words[np.arange(LENGTH)[None] >= lengths[:, None]] = 0
    return Probe((words.astype("int32"),), "tokens, padded at the end")


class Net(nn.Module):
    def __init__(self, kind=nn.LSTM, layer_count=1, *, is_bidirectional=False):
        super().__init__()
        self.table = nn.Embedding(TOKENS, 5)
        self.steps = kind(5, 4, layer_count, batch_first=True, bidirectional=is_bidirectional)
        self.last = nn.Linear(8 if is_bidirectional else 4, 3)

    def packed(self, words):
        lengths = (words != 0).sum(1).cpu()
        return nn.utils.rnn.pack_padded_sequence(self.table(words), lengths, batch_first=True, enforce_sorted=False)


class Ends(Net):
    def forward(self, words):
        _, state = self.steps(self.packed(words))
        return self.last((state[0] if isinstance(state, tuple) else state)[-1])


class AllSteps(Net):
    def forward(self, words):
        output, _ = self.steps(self.packed(words))
        return self.last(nn.utils.rnn.pad_packed_sequence(output, batch_first=True, total_length=words.shape[1])[0])


class ReadAtTheEnd(Net):
    def forward(self, words):
        output, _ = self.steps(self.table(words))
        return self.last(output[torch.arange(len(words)), (words != 0).sum(1) - 1])


class MeanOfSteps(Net):
    def forward(self, words):
        is_there = (words != 0).to(self.table.weight.dtype)[..., None]
        output, _ = self.steps(self.table(words))
        return self.last((output * is_there).sum(1) / is_there.sum(1))


def port(kind=layers.LSTM, wrapper=None, *, returns_all=False, is_masked=True, is_mean=False):
    words = keras.Input((LENGTH,), dtype="int32")
    hidden = layers.Embedding(TOKENS, 5, mask_zero=is_masked)(words)
    for wrap in wrapper or [lambda layer: layer]:
        is_last = wrap is (wrapper or [None])[-1] or not wrapper
        hidden = wrap(kind(4, return_sequences=returns_all or not is_last))(hidden)
    if is_mean:
        hidden = layers.GlobalAveragePooling1D()(hidden)
    return keras.Model(words, layers.Dense(3)(hidden))


def verdict(reference, build, folder):
    pair = ModelPair(
        name="masked", reference=reference, port=build, input_shapes=((LENGTH,),), inputs=("... -> ...",), probe=padded
    )
    report = convert(saved(reference(), folder), folder / "port", pair=pair, keep_failed=True).report
    return report.verdict


BOTH = layers.Bidirectional
RIGHT = {
    "the last state of what is packed": (Ends, port),
    "a GRU": (lambda: Ends(nn.GRU), lambda: port(layers.GRU)),
    "all steps of both directions": (
        lambda: AllSteps(is_bidirectional=True),
        lambda: port(wrapper=[BOTH], returns_all=True),
    ),
    "two layers": (
        lambda: AllSteps(nn.GRU, 2, is_bidirectional=True),
        lambda: port(layers.GRU, [BOTH, BOTH], returns_all=True),
    ),
    "read at the end": (ReadAtTheEnd, port),
    "a mean of what is there": (MeanOfSteps, lambda: port(returns_all=True, is_mean=True)),
}
QUICK = ("the last state of what is packed", "read at the end")


@pytest.mark.parametrize(
    "case", [pytest.param(name, marks=() if name in QUICK else pytest.mark.slow) for name in RIGHT]
)
def test_masked_steps_are_those_that_are_not_packed_or_not_read(case, tmp_path):
    assert verdict(*RIGHT[case], tmp_path) is Status.PASS


@pytest.mark.parametrize("reference", [Ends, pytest.param(ReadAtTheEnd, marks=pytest.mark.slow)])
def test_a_mask_that_is_left_out_fails(reference, tmp_path):
    assert verdict(reference, lambda: port(is_masked=False), tmp_path) is Status.FAIL
