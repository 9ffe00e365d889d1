"""Convolutions that see other steps than the reference's."""

import keras
import pytest
from keras import layers
from torch import nn

from parity_tests.porting.zoo.weights import saved
from porting import ModelPair, Status, convert


class Causal(nn.Module):
    def __init__(self):
        super().__init__()
        self.first, self.second = nn.Conv1d(3, 4, 3), nn.Conv1d(4, 4, 3, dilation=2)

    def forward(self, steps):
        seen = self.first(nn.functional.pad(steps, (2, 0))).relu()
        return seen + self.second(nn.functional.pad(seen, (4, 0)))


def test_another_dilation_is_located_where_its_output_is_added(tmp_path):
    def build():
        steps = keras.Input((12, 3))
        seen = layers.Conv1D(4, 3, padding="causal", activation="relu")(steps)
        return keras.Model(steps, seen + layers.Conv1D(4, 3, padding="causal")(seen))

    pair = ModelPair(
        name="causal",
        reference=Causal,
        port=build,
        inputs=("sample channel time -> sample time channel",),
        outputs={"output": "sample channel time -> sample time channel"},
        input_shapes=((12, 3),),
    )
    report = convert(saved(Causal(), tmp_path), tmp_path / "port", pair=pair, keep_failed=True).report
    assert report.verdict is Status.FAIL
    assert "second" in {held.reference for held in report.divergences if held.where == "inside"}


class CutBehind(nn.Module):
    """Padded at both ends, and cut behind: causal."""

    def __init__(self, *, is_cut=True):
        super().__init__()
        self.is_cut, self.first, self.last = is_cut, nn.Conv1d(3, 4, 3, padding=4, dilation=2), nn.Linear(4, 2)

    def forward(self, steps):
        seen = self.first(steps)
        return self.last((seen[..., :-4] if self.is_cut else seen).relu().mean(-1))


@pytest.mark.parametrize("is_cut", [True, False])
def test_a_convolution_that_is_cut_behind_is_a_causal_one(is_cut, tmp_path):
    def build():
        steps = keras.Input((10, 3))
        seen = layers.Conv1D(4, 3, padding="causal", dilation_rate=2, activation="relu")(steps)
        return keras.Model(steps, layers.Dense(2)(keras.ops.mean(seen, 1)))

    def reference():
        return CutBehind(is_cut=is_cut)

    axes = ("sample channel time -> sample time channel",)
    pair = ModelPair(name="cut", reference=reference, port=build, inputs=axes, input_shapes=((10, 3),))
    report = convert(saved(reference(), tmp_path), tmp_path / "port", pair=pair, keep_failed=True).report
    assert report.verdict is (Status.PASS if is_cut else Status.FAIL), report.parts
    assert [held.reference for held in report.divergences] == ([] if is_cut else ["last"])
