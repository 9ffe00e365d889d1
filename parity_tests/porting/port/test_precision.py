import json
import zipfile

import keras
import numpy as np
import pytest
from keras import ops

from porting.port.precision import widen_constants


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
