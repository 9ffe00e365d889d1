"""What is drawn by modules and functions of one's own: what it drops is measured, as no type says it."""

import random

import keras
import numpy as np
import pytest
import torch
from keras import layers

from parity_tests.porting.proof.test_randomness import Net, dropout, port, report_of
from porting import Status
from porting.errors import PairError
from porting.records.randomness import Draw, measured


class Skipping(torch.nn.Module):
    """Leaves out samples, or channels, by a function of its own."""

    def __init__(self, p, *, axes=1):
        super().__init__()
        self.p, self.axes = p, axes

    def forward(self, x):
        if not self.training:
            return x
        drawn = torch.rand(x.shape[: self.axes] + (1,) * (x.ndim - self.axes), dtype=x.dtype)
        return x.div(1 - self.p) * (drawn >= self.p)


@keras.saving.register_keras_serializable("own_drawing")
class Skip(layers.Layer):
    """The same, whose rate no attribute says."""

    def __init__(self, p, **settings):
        super().__init__(**settings)
        self.share, self.seed_generator = p, keras.random.SeedGenerator(1)

    def call(self, x, training=False):
        if not training:
            return x
        drawn = keras.random.uniform((x.shape[0], *[1] * (x.ndim - 1)), seed=self.seed_generator, dtype=x.dtype)
        return x * keras.ops.cast(drawn >= self.share, x.dtype) / (1 - self.share)

    def get_config(self):
        return {**super().get_config(), "p": self.share}


def skip(p):
    return lambda: Skip(p)


@pytest.mark.parametrize("build", [port(dropout(0.25, noise_shape=(None, 1, 1))), port(skip(0.25))])
def test_samples_that_a_module_of_ones_own_leaves_out_are_seen(build, tmp_path):
    report = report_of(lambda: Net(Skipping(0.25)), build, tmp_path)
    assert report.verdict is Status.PASS, report.parts


@pytest.mark.parametrize(
    ("build", "words"),
    [
        (port(dropout(0.25)), "torch drops samples, Keras values: drop (Skipping, rate 0.25)"),
        (port(skip(0.5)), "the rates differ: drop (Skipping, rate 0.25) in torch, skip"),
    ],
)
def test_what_is_dropped_otherwise_fails(build, words, tmp_path):
    report = report_of(lambda: Net(Skipping(0.25)), build, tmp_path)
    assert report.training.status is Status.FAIL
    assert words in "\n".join(report.training.lines)


@pytest.mark.parametrize("drop", [Skipping(0.25, axes=2), torch.nn.Dropout1d(0.25)])
@pytest.mark.parametrize(
    ("build", "status"),
    [
        (port(dropout(0.25, noise_shape=(None, None, 1))), Status.PASS),
        (port(dropout(0.25, noise_shape=(None, 1, None))), Status.FAIL),
        (port(lambda: layers.SpatialDropout1D(0.25)), Status.FAIL),
    ],
)
def test_whole_steps_are_no_whole_channels(drop, build, status, tmp_path):
    report = report_of(lambda: Net(drop), build, tmp_path)
    assert report.training.status is status, report.training.lines
    lines = "\n".join(report.training.lines)
    assert ("torch drops along other axes than Keras" in lines) == (status is Status.FAIL)


@pytest.mark.parametrize(
    ("share", "status"),
    [((None, None, 1), Status.PASS), ((None, 1, None), Status.FAIL), ((None, None, 8), Status.FAIL)],
)
def test_whole_steps_are_told_before_a_function_that_keeps_factors(share, status, tmp_path):
    built = port(before_relu=[dropout(0.25, noise_shape=share)])
    report = report_of(lambda: Net(Skipping(0.25, axes=2)), built, tmp_path)
    assert report.training.status is status, report.training.lines


def test_whole_steps_may_be_dropped_behind_a_norm_without_weights(tmp_path):
    def centred(x):
        return torch.nn.functional.layer_norm(x, (8,))

    norm = layers.LayerNormalization(center=False, scale=False, epsilon=1e-5)
    built = port(dropout(0.25, noise_shape=(None, None, 1)), activation=norm)
    report = report_of(lambda: Net(Skipping(0.25, axes=2), activation=centred), built, tmp_path)
    assert report.verdict is Status.PASS, report.training.lines


class DrawingItself(Net):
    """Draws by a function in its own forward."""

    def forward(self, x):
        hidden = torch.relu(self.a(x))
        kept = torch.rand(len(x), 1, 1, dtype=x.dtype) >= 0.25
        return self.b(hidden / 0.75 * kept if self.training else hidden)


def test_what_a_function_draws_inside_a_model_is_not_passed_and_named(tmp_path):
    report = report_of(DrawingItself, port(skip(0.25)), tmp_path)
    assert report.training.status is Status.NOT_CHECKED
    assert "the model itself (DrawingItself) in torch, skip" in "\n".join(report.training.lines)


def test_what_a_function_draws_inside_a_model_and_the_port_does_not_fails(tmp_path):
    report = report_of(DrawingItself, port(), tmp_path)
    assert report.training.status is Status.FAIL
    assert "the model itself (DrawingItself) behind the input has no counterpart" in "\n".join(report.training.lines)


def test_what_is_measured_says_nothing_of_noise_nor_of_one_value():
    generator = np.random.default_rng(0)
    given = generator.standard_normal((64, 3, 4))
    kept = generator.random((64, 3, 1)) >= 0.5
    assert measured(given, 2 * given * kept) == Draw("channels", 0.5, (2,))
    assert measured(given, given + 0.1 * kept) == Draw()
    assert measured(given[:, :1, :1], 2 * given[:, :1, :1] * kept[:, :1]) == Draw(rate=0.5)


class DrawingAlways(Net):
    """Draws in evaluation mode, too."""

    def forward(self, x):
        hidden = torch.relu(self.a(x))
        return self.b(hidden + torch.randn_like(hidden))


def test_a_model_that_draws_in_evaluation_mode_is_refused_where_it_does(tmp_path):
    with pytest.raises(PairError, match="draws in evaluation mode: what arrives at b is another at every run"):
        report_of(DrawingAlways, port(skip(0.25)), tmp_path)


class LayerDropping(Net):
    """Leaves its middle out in training, as a number that is drawn says, and drops values besides."""

    def __init__(self, drawn, share):
        super().__init__(torch.nn.Dropout(0.3))
        self.drawn, self.share, self.middle = drawn, share, torch.nn.Linear(8, 8)

    def forward(self, x):
        hidden = self.drop(torch.relu(self.a(x)))
        drawn = self.drawn()
        return self.b(hidden if self.training and drawn < self.share else self.middle(hidden))


@pytest.mark.parametrize("drawn", [lambda: torch.rand([]), random.random, np.random.random])
@pytest.mark.parametrize(("share", "status"), [(0.4, Status.FAIL), (0.0, Status.PASS)])
def test_layers_that_are_left_out_by_chance_are_seen_beside_dropouts(drawn, share, status, tmp_path):
    built = port(dropout(0.3), lambda: layers.Dense(8, name="middle"))
    report = report_of(lambda: LayerDropping(drawn, share), built, tmp_path)
    assert report.training.status is status, report.training.lines
    named = "the model itself (LayerDropping) behind the input has no counterpart" in "\n".join(report.training.lines)
    assert named == (status is Status.FAIL)


@keras.saving.register_keras_serializable("own_drawing")
class DropsByFunction(layers.Layer):
    """Drops by a function of Keras, without a generator of its own."""

    def call(self, x, training=False):
        return keras.random.dropout(x, 0.25, seed=1) if training else x


@pytest.mark.parametrize(("drop", "status"), [(torch.nn.Dropout(0.25), Status.NOT_CHECKED), (None, Status.FAIL)])
def test_what_a_port_draws_by_functions_is_heard(drop, status, tmp_path):
    report = report_of(lambda: Net(drop or torch.nn.Identity()), port(DropsByFunction), tmp_path)
    assert report.training.status is status, report.training.lines
    assert "(DropsByFunction)" in "\n".join(report.training.lines)


@keras.saving.register_keras_serializable("own_drawing")
class AddsByFunction(layers.Layer):
    """Adds noise by a function of Keras, whose mean and deviation are told by place."""

    def call(self, x, training=False):
        return x + keras.random.normal(keras.ops.shape(x), 0.0, 1.0, seed=1) if training else x


def test_what_a_port_draws_by_functions_is_heard_whatever_its_arguments(tmp_path):
    report = report_of(Net, port(AddsByFunction), tmp_path)
    assert report.training.status is Status.FAIL, report.training.lines
    assert "(AddsByFunction)" in "\n".join(report.training.lines)
