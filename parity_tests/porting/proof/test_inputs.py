"""What shows only on inputs that the probe does not reach fails behind the input."""

import keras
import numpy as np
import pytest
import torch
from keras import layers, ops

from parity_tests.porting.zoo.weights import saved
from porting import ModelPair, Probe, Status, convert
from porting.proof.variations import with_far_sample

IMAGES = ("sample channel row column -> sample row column channel",)


class Pooled(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.pool, self.conv = torch.nn.MaxPool2d(3, padding=1), torch.nn.Conv2d(4, 3, 1)

    def forward(self, x):
        return self.conv(self.pool(x))


def pooled(border: float) -> keras.Model:
    x = keras.Input((6, 6, 4))
    framed = ops.pad(x, ((0, 0), (1, 1), (1, 1), (0, 0)), constant_values=border)
    return keras.Model(x, layers.Conv2D(3, 1, name="conv")(layers.MaxPooling2D(3)(framed)))


@pytest.mark.parametrize(("border", "verdict"), [(float("-inf"), Status.PASS), (-3.0, Status.FAIL)])
def test_a_border_that_only_small_values_show_fails_behind_the_input(border, verdict, tmp_path):
    pair = ModelPair(
        name="pooled", reference=Pooled, port=lambda: pooled(border), input_shapes=((6, 6, 4),), inputs=IMAGES,
        outputs={"output": IMAGES[0]},
    )  # fmt: skip
    report = convert(saved(Pooled(), tmp_path), tmp_path / "port", pair=pair).report
    assert report.verdict is verdict, report.parts
    if verdict is Status.FAIL:
        assert [(held.where, held.port) for held in report.divergences] == [("between", "conv")]


class OnARange(torch.nn.Module):
    """Of numbers from 0 to 1, and of shares of the greatest of each channel."""

    def __init__(self):
        super().__init__()
        self.conv, self.fc = torch.nn.Conv1d(2, 4, 1), torch.nn.Linear(4, 3)

    def forward(self, x):
        x = torch.relu(self.conv(torch.sqrt(1 - x * x)))
        return self.fc((x / x.amax(2, keepdim=True)).mean(2))


def on_a_range() -> keras.Model:
    x = keras.Input((7, 2))
    hidden = ops.relu(layers.Conv1D(4, 1, name="conv")(ops.sqrt(1 - x * x)))
    shares = ops.mean(hidden / ops.max(hidden, 1, keepdims=True), 1)
    return keras.Model(x, layers.Dense(3, name="fc")(shares))


def test_a_model_that_is_defined_on_a_range_is_judged_on_it(tmp_path):
    numbers = np.random.default_rng(0).random((8, 7, 2)).astype(np.float32)
    pair = ModelPair(
        name="on a range", reference=OnARange, port=on_a_range, input_shapes=((7, 2),),
        inputs=("sample channel position -> sample position channel",),
        outputs={"output": "sample feature -> sample feature"}, probe=lambda *_: Probe((numbers,), "a test"),
    )  # fmt: skip
    torch.manual_seed(0)
    model = OnARange()
    torch.nn.init.uniform_(model.conv.weight, 0.1, 0.9)
    torch.nn.init.constant_(model.conv.bias, 0.3)
    torch.save(model.state_dict(), tmp_path / "net.pt")
    report = convert(tmp_path / "net.pt", tmp_path / "port", pair=pair).report
    assert report.verdict is Status.PASS, report.parts


def test_only_what_may_be_any_number_is_taken_far():
    generator = np.random.default_rng(0)
    lengths, words = np.full((3, 1), 4.0), np.arange(6).reshape(3, 2)
    shares, numbers = generator.random((3, 50)), generator.standard_normal((3, 50))
    arrays = with_far_sample(Probe((lengths, words, shares, numbers), "a test")).arrays
    np.testing.assert_array_equal(arrays[0], lengths)
    np.testing.assert_array_equal(arrays[1], words)
    assert arrays[2][-1].min() >= 0
    assert arrays[2][-1].max() > 2
    assert (arrays[3][-1] < -4).mean() > 0.5
    for drawn, own in zip(arrays, (lengths, words, shares, numbers), strict=True):
        np.testing.assert_array_equal(drawn[:-1], own[:-1])
