"""Layers that one side runs once and the other step by step: the same where torch has them so, or refused plainly."""

import keras
import pytest
import torch
from keras import layers, ops

from parity_tests.porting.zoo.weights import saved
from porting import ModelPair, Status, convert
from porting.errors import PairError


def pair_of(reference, shape, port, **more):
    return ModelPair(name="steps", reference=lambda: reference, port=port, input_shapes=(shape,), **more)


def stepwise(shape, *inner):
    def port():
        x = hidden = keras.Input(shape)
        for layer in inner:
            hidden = layers.TimeDistributed(layer())(hidden)
        return keras.Model(x, hidden)

    return port


def test_a_layer_along_the_last_axis_may_run_step_by_step(tmp_path):
    reference = torch.nn.Sequential(torch.nn.Linear(4, 2), torch.nn.LayerNorm(2))
    port = stepwise((3, 4), lambda: layers.Dense(2), lambda: layers.LayerNormalization(epsilon=1e-5))
    report = convert(saved(reference, tmp_path), tmp_path / "port", pair=pair_of(reference, (3, 4), port)).report
    assert report.verdict is Status.PASS, report.parts


class Frames(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.conv, self.head = torch.nn.Conv2d(2, 3, 3), torch.nn.Linear(3, 2)

    def forward(self, film):
        frames = torch.relu(self.conv(film.flatten(0, 1))).mean((2, 3))
        return self.head(frames.unflatten(0, film.shape[:2]))


def test_a_convolution_of_each_frame_takes_the_frames_as_samples(tmp_path):
    def port():
        film = keras.Input((3, 5, 5, 2))
        frames = layers.TimeDistributed(layers.Conv2D(3, 3, activation="relu"))(film)
        return keras.Model(film, layers.Dense(2)(ops.mean(frames, (2, 3))))

    axes = ("sample time channel row column -> sample time row column channel",)
    pair = pair_of(Frames(), (3, 5, 5, 2), port, inputs=axes)
    assert convert(saved(pair.reference(), tmp_path), tmp_path / "port", pair=pair).report.verdict is Status.PASS


def test_layers_that_run_step_by_step_are_told(tmp_path):
    def port():
        inner = keras.Sequential([layers.Dense(3, name="inner"), layers.Dense(2)])
        x = keras.Input((3, 4))
        return keras.Model(x, layers.TimeDistributed(inner)(x))

    reference = torch.nn.Sequential(torch.nn.Linear(4, 3), torch.nn.Linear(3, 2))
    with pytest.raises(PairError, match=r"0 ran 1 time, \S*inner 3 times\n(.*\n)*Call each once on all steps"):
        convert(saved(reference, tmp_path), tmp_path / "port", pair=pair_of(reference, (3, 4), port))


def test_a_layer_that_takes_several_tensors_is_refused_by_name(tmp_path):
    def port():
        x = keras.Input((3, 4))
        return keras.Model(x, layers.AdditiveAttention(name="attends")([x, layers.Dense(4)(x), layers.Dense(4)(x)]))

    reference = torch.nn.Sequential(torch.nn.Linear(4, 4), torch.nn.Linear(4, 4), torch.nn.Linear(4, 1))
    with pytest.raises(PairError, match=r"attends \(AdditiveAttention\) has weights and is given 3 tensors"):
        convert(saved(reference, tmp_path), tmp_path / "port", pair=pair_of(reference, (3, 4), port))
