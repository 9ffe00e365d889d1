"""Tables that one side looks up as a layer, and the other reads as a variable of its own."""

import keras
import numpy as np
import pytest
import torch
from keras import layers, ops

from parity_tests.porting.zoo.weights import saved
from porting import ModelPair, Probe, Status, convert


class Positioned(torch.nn.Module):
    def __init__(self, is_expanded=False):
        super().__init__()
        self.words, self.places = torch.nn.Embedding(11, 4), torch.nn.Embedding(7, 4)
        self.last, self.is_expanded = torch.nn.Linear(4, 3), is_expanded

    def forward(self, words):
        places = torch.arange(words.shape[1])
        return self.last(self.words(words) + self.places(places.expand(words.shape) if self.is_expanded else places))


@keras.saving.register_keras_serializable("tables")
class Tables(layers.Layer):
    """Both tables as variables, the second of them read from an end."""

    def __init__(self, order=1, **settings):
        super().__init__(**settings)
        self.order = order

    def get_config(self):
        return {**super().get_config(), "order": self.order}

    def build(self, input_shape):
        self.words = self.add_weight(shape=(11, 4), name="words")
        self.places = self.add_weight(shape=(1, 7, 4), name="places")

    def compute_output_shape(self, shape):
        return (*shape, 4)

    def call(self, words):
        return ops.take(self.words, words, axis=0) + self.places[:, : words.shape[1]][:, :: self.order]


def port(order):
    words = keras.Input((5,), dtype="int32")
    return keras.Model(words, layers.Dense(3)(Tables(order)(words)))


def tokens(sizes, file, count):
    return Probe((np.random.default_rng(1).integers(0, 11, (count, 5)).astype("int32"),), "tokens")


@pytest.mark.parametrize(
    ("is_expanded", "order"), [pytest.param(False, 1, marks=pytest.mark.slow), (True, 1), (True, -1)]
)
def test_tables_that_the_port_reads_as_variables(is_expanded, order, tmp_path):
    pair = ModelPair(name="tables", reference=lambda: Positioned(is_expanded), port=lambda: port(order), probe=tokens)
    path = saved(Positioned(is_expanded), tmp_path)
    report = convert(path, tmp_path / "port", pair=pair, keep_failed=True).report
    assert report.semantics.status is (Status.PASS if order == 1 else Status.FAIL), report.parts
    assert [held.reference for held in report.divergences] == ([] if order == 1 else ["last"])


@keras.saving.register_keras_serializable("tables")
class Places(layers.Layer):
    """Words and their places, which have an axis of all samples, of one, or none."""

    def __init__(self, shape, **settings):
        super().__init__(**settings)
        self.shape, self.words, self.places = shape, layers.Embedding(11, 4), layers.Embedding(7, 4)

    def get_config(self):
        return {**super().get_config(), "shape": self.shape}

    def build(self, input_shape):
        self.words.build(input_shape)
        self.places.build(input_shape)

    def call(self, words):
        numbers = ops.arange(5, dtype="int32")
        places = {"none": numbers, "one": numbers[None], "all": ops.zeros_like(words) + numbers}[self.shape]
        return self.words(words) + self.places(places)


@pytest.mark.parametrize(("is_expanded", "shape"), [(False, "all"), (False, "one"), (True, "none")])
def test_positions_may_have_samples_in_one_model_only(is_expanded, shape, tmp_path):
    def build():
        words = keras.Input((5,), dtype="int32")
        return keras.Model(words, layers.Dense(3)(Places(shape)(words)))

    pair = ModelPair(name="places", reference=lambda: Positioned(is_expanded), port=build, probe=tokens)
    report = convert(saved(Positioned(is_expanded), tmp_path), tmp_path / "port", pair=pair).report
    assert report.verdict is Status.PASS, report.parts


@keras.saving.register_keras_serializable("tables")
class Tied(layers.Layer):
    """Multiplies with the table that another layer holds, which the file says once."""

    def __init__(self, table, **settings):
        super().__init__(**settings)
        self.table = table

    def get_config(self):
        return {**super().get_config(), "table": keras.saving.serialize_keras_object(self.table)}

    @classmethod
    def from_config(cls, config):
        return cls(**{**config, "table": keras.saving.deserialize_keras_object(config["table"])})

    def call(self, hidden):
        return ops.matmul(hidden, ops.transpose(self.table.embeddings))


class Heading(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.words, self.hidden = torch.nn.Embedding(11, 4), torch.nn.Linear(4, 4)

    def forward(self, words):
        return torch.tanh(self.hidden(self.words(words))) @ self.words.weight.T


def test_a_layer_may_hold_another_ones_table(tmp_path):
    def build():
        words, table = keras.Input((5,), dtype="int32"), layers.Embedding(11, 4)
        return keras.Model(words, Tied(table)(layers.Dense(4, activation="tanh")(table(words))))

    pair = ModelPair(name="tied", reference=Heading, port=build, probe=tokens)
    report = convert(saved(Heading(), tmp_path), tmp_path / "port", pair=pair).report
    assert report.verdict is Status.PASS, report.parts
