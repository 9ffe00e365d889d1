"""Converted checkpoints as they are written: files that Keras reads, without a second copy of the weights in memory."""

import tracemalloc
from pathlib import Path

import keras
import numpy as np
import pytest

from porting.errors import PortFileError
from porting.port.files import load_keras, write_port


def test_a_keras_file_is_written_without_holding_it_in_memory(tmp_path):
    model = keras.Sequential([keras.Input((1000,)), *(keras.layers.Dense(1000) for _ in range(8))])
    tracemalloc.start()
    try:
        write_port(model, tmp_path / "port.keras")
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    written = (tmp_path / "port.keras").stat().st_size
    assert written > 32e6
    assert peak < written / 2
    assert [path.name for path in tmp_path.iterdir()] == ["port.keras"]
    loaded = keras.saving.load_model(tmp_path / "port.keras")
    for ours, theirs in zip(model.get_weights(), loaded.get_weights(), strict=True):
        np.testing.assert_array_equal(ours, theirs)


@keras.saving.register_keras_serializable("porting tests")
class Noted(keras.layers.Layer):
    """Keeps a note in a file of its own."""

    note = ""

    def call(self, x):
        return x

    def save_assets(self, dir_path):
        Path(dir_path, "note.txt").write_text(self.note)

    def load_assets(self, dir_path):
        self.note = Path(dir_path, "note.txt").read_text()


def test_what_layers_keep_beside_their_variables_is_in_the_file(tmp_path):
    layer = Noted(name="noted")
    layer.note = "read this"
    write_port(keras.Sequential([keras.Input((2,)), layer]), tmp_path / "port.keras")
    assert keras.saving.load_model(tmp_path / "port.keras").get_layer("noted").note == "read this"


@keras.saving.register_keras_serializable("porting tests")
class HalfBuilt(keras.Model):
    """Says that it is built before its layer is."""

    def __init__(self, **settings):
        super().__init__(**settings)
        self.last = keras.layers.Dense(2, name="last")

    def build(self, input_shape):
        self.shift = self.add_weight(shape=(3,), name="shift")

    def call(self, x):
        return self.last(x + self.shift)


def test_a_file_whose_weights_keras_passes_over_is_refused(tmp_path):
    model = HalfBuilt()
    model(np.zeros((1, 3)))
    write_port(model, tmp_path / "port.keras")
    with pytest.raises(PortFileError, match=r"without the weights of .*last: Keras has not built them"):
        load_keras(tmp_path / "port.keras")
