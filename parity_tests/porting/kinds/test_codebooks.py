"""Rows of a table that a model chooses itself: the nearest of a codebook."""

import keras
import pytest
import torch
from keras import layers, ops
from torch import nn

from parity_tests.porting.zoo.weights import saved
from porting import ModelPair, Status, convert, verify

CODES, FEATURES = 7, 4


class Quantised(nn.Module):
    """The codebook is a layer, or a tensor by itself."""

    def __init__(self, *, is_layer):
        super().__init__()
        self.encode, self.decode = nn.Linear(6, FEATURES), nn.Linear(FEATURES, 6)
        self.codes = nn.Embedding(CODES, FEATURES) if is_layer else nn.Parameter(torch.randn(CODES, FEATURES))

    def forward(self, x):
        given = self.encode(x)
        table = self.codes.weight if isinstance(self.codes, nn.Embedding) else self.codes
        nearest = (given.unsqueeze(-2) - table).square().sum(-1).argmin(-1)
        found = self.codes(nearest) if isinstance(self.codes, nn.Embedding) else table[nearest]
        return self.decode(given + (found - given).detach())


@keras.saving.register_keras_serializable("codebooks")
class Codes(layers.Layer):
    """The same, with a variable of its own or an embedding."""

    def __init__(self, is_layer, choose="argmin", **settings):
        super().__init__(**settings)
        self.is_layer, self.choose = is_layer, choose
        self.lookup = layers.Embedding(CODES, FEATURES) if is_layer else None

    def build(self, shape):
        if self.lookup is None:
            self.table = self.add_weight(shape=(CODES, FEATURES), name="table")
        else:
            self.lookup.build(())
        self.built = True

    def call(self, given):
        table = self.table if self.lookup is None else self.lookup.embeddings
        distances = ops.sum(ops.square(ops.expand_dims(given, -2) - table), -1)
        nearest = getattr(ops, self.choose)(distances, -1)
        found = ops.take(table, nearest, axis=0) if self.lookup is None else self.lookup(nearest)
        return given + ops.stop_gradient(found - given)

    def get_config(self):
        return {**super().get_config(), "is_layer": self.is_layer, "choose": self.choose}


def pair_of(ours, theirs, choose="argmin"):
    def port():
        x = keras.Input((5, 6))
        found = Codes(theirs, choose, name="codes")(layers.Dense(FEATURES, name="encode")(x))
        return keras.Model(x, layers.Dense(6, name="decode")(found))

    return ModelPair(name="codes", reference=lambda: Quantised(is_layer=ours), port=port, input_shapes=((5, 6),))


BOTH = [(True, False), (False, True), (True, True), (False, False)]


@pytest.mark.parametrize(("ours", "theirs"), BOTH)
def test_a_codebook_may_be_a_layer_or_a_tensor(ours, theirs, tmp_path):
    pair = pair_of(ours, theirs)
    report = convert(saved(Quantised(is_layer=ours), tmp_path), tmp_path / "port", pair=pair).report
    assert report.verdict is Status.PASS, report.parts
    assert verify(tmp_path / "port.keras", pair=pair).verdict is Status.PASS
    told = any("layers choose rows of a table" in line for line in report.semantics.lines)
    assert told is (ours is not theirs)


@pytest.mark.parametrize(("ours", "theirs"), BOTH)
def test_the_row_that_is_farthest_is_located(ours, theirs, tmp_path):
    pair = pair_of(ours, theirs, "argmax")
    report = convert(saved(Quantised(is_layer=ours), tmp_path), tmp_path / "port", pair=pair, keep_failed=True).report
    assert report.verdict is Status.FAIL
    assert [held.reference for held in report.divergences] == ["codes" if ours is theirs is True else "decode"]
