import json
import zipfile

import keras
import numpy as np
import pytest
from keras import layers, ops

from porting.port.precision import widen_constants
from porting.port.side import array_of, precision


def _builder(frequency):
    def build():
        inputs = keras.Input((5,))
        angles = ops.arange(5, dtype=keras.config.floatx()) * frequency
        return keras.Model(inputs, inputs * ops.cos(angles))

    return build


@pytest.mark.parametrize(("frequency", "is_exact"), [(0.3, True), (0.3001, False)])
def test_constants_of_a_file_are_in_float64_what_its_own_builder_computes(tmp_path, frequency, is_exact):
    _builder(0.3)().save(tmp_path / "net.keras")
    with zipfile.ZipFile(tmp_path / "net.keras") as archive:
        config = json.loads(archive.read("config.json"))
    widen_constants(config, _builder(frequency), "float64")
    apart = np.abs(_constant(config) - np.cos(np.arange(5) * 0.3)).max()
    assert bool(apart < 1e-15) is is_exact
    assert apart < 1e-6


def _constant(config):
    if isinstance(config, dict) and config.get("class_name") == "__tensor__":
        return np.array(config["config"]["value"])
    items = config.values() if isinstance(config, dict) else config if isinstance(config, list) else ()
    return next((found for item in items if (found := _constant(item)) is not None), None)


@keras.saving.register_keras_serializable("precision")
class NamesFloat32(layers.Layer):
    """Scales as tutorials do: by what is cast to float32, whatever the layer computes in."""

    def build(self, input_shape):
        self.scale = self.add_weight(shape=(), dtype="float32", initializer="ones")

    def call(self, x):
        depth = ops.cast(ops.shape(x)[-1], "float32")
        kept = ops.cast(x > 0, dtype="float32") * ops.arange(3, dtype="float32")
        return x * kept * self.scale / ops.sqrt(depth)


def test_a_port_that_names_float32_computes_in_float64_where_it_is_proven():
    x = np.array([[1.0, -2.0, 3.0]])
    with precision("float64"):
        found = array_of(NamesFloat32()(ops.convert_to_tensor(x)))
    assert found.dtype == np.float64
    assert np.abs(found - np.maximum(x, 0) * np.arange(3) / np.sqrt(3)).max() < 1e-15


def test_what_float32_means_is_restored_behind_the_proof():
    with precision("float64"):
        pass
    assert ops.cast(np.array([1, 2]), "float32").dtype.name == "float32"
