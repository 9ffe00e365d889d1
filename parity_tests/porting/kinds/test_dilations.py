"""Convolutions that see other steps than the reference's."""

import keras
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
