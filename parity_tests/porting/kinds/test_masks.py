"""Masks that a Keras embedding hands on: they are no setting that differs, and show in what lies behind."""

import keras
import pytest
from keras import layers
from torch import nn

from parity_tests.porting.zoo.weights import saved
from porting import ModelPair, Status, convert


class Averaged(nn.Module):
    def __init__(self, *, is_masked):
        super().__init__()
        self.is_masked, self.table, self.head = is_masked, nn.Embedding(9, 6, padding_idx=0), nn.Linear(6, 2)

    def forward(self, words):
        vectors = self.table(words)
        if not self.is_masked:
            return self.head(vectors.mean(1))
        known = (words != 0).to(vectors.dtype).unsqueeze(-1)
        return self.head((vectors * known).sum(1) / known.sum(1).clamp(min=1))


def averaged():
    words = keras.Input((7,), dtype="int32")
    vectors = layers.Embedding(9, 6, mask_zero=True)(words)
    return keras.Model(words, layers.Dense(2)(layers.GlobalAveragePooling1D()(vectors)))


@pytest.mark.parametrize(("is_masked", "causes"), [(True, []), (False, ["mean over a mask"])])
def test_what_an_embedding_masks_shows_in_the_mean(is_masked, causes, tmp_path):
    pair = ModelPair(
        name="masked", reference=lambda: Averaged(is_masked=is_masked), port=averaged, input_shapes=((7,),)
    )
    path = saved(Averaged(is_masked=is_masked), tmp_path)
    report = convert(path, tmp_path / "port", pair=pair, keep_failed=True).report
    assert report.verdict is (Status.PASS if is_masked else Status.FAIL), report.parts
    assert [cause.name for held in report.divergences for cause in held.causes] == causes


class Recurrent(nn.Module):
    def __init__(self):
        super().__init__()
        self.table, self.lstm = nn.Embedding(9, 6), nn.LSTM(6, 4, batch_first=True)

    def forward(self, words):
        return self.lstm(self.table(words))[0]


def test_a_mask_that_stops_a_recurrence_is_located_in_it(tmp_path):
    def build():
        words = keras.Input((7,), dtype="int32")
        return keras.Model(words, layers.LSTM(4, return_sequences=True)(layers.Embedding(9, 6, mask_zero=True)(words)))

    pair = ModelPair(name="masked", reference=Recurrent, port=build, input_shapes=((7,),))
    report = convert(saved(Recurrent(), tmp_path), tmp_path / "port", pair=pair, keep_failed=True).report
    assert [(held.reference, held.where) for held in report.divergences] == [("lstm", "inside")]
