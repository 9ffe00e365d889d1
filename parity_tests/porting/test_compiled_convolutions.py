import keras
import numpy as np
import pytest
from keras import layers

from porting.port import side as keras_side


@pytest.mark.skipif(keras.backend.backend() != "tensorflow", reason="TensorFlow's own")
@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize(
    ("groups", "strides", "padding", "rate"), [(2, 1, "same", 1), (4, 2, "valid", 1), (2, 1, "valid", 2)]
)
def test_a_grouped_convolution_is_compiled_once_and_computes_what_keras_computes(groups, strides, padding, rate, dtype):
    made = layers.Conv2D(8, 3, strides, padding, groups=groups, dilation_rate=rate, dtype=dtype)
    images = np.random.default_rng(0).standard_normal((2, 9, 9, 4)).astype(dtype)
    expected = np.asarray(made(images))
    with keras_side.precision(dtype):
        assert np.array_equal(np.asarray(made(images)), expected)
        assert np.array_equal(np.asarray(made(images)), expected)


@pytest.mark.skipif(keras.backend.backend() != "tensorflow", reason="TensorFlow's own")
def test_convolutions_of_many_sizes_are_compiled_without_a_word(caplog):
    made = layers.Conv1D(8, 3, groups=2)
    with keras_side.precision("float32"):
        for samples in range(1, 8):
            made(np.ones((samples, 9, 4), np.float32))
    assert not caplog.records


@pytest.mark.skipif(keras.backend.backend() != "tensorflow", reason="TensorFlow's own")
def test_what_a_layer_compiles_itself_runs_as_it_is_written():
    import tensorflow as tf

    class Compiled(layers.Layer):
        @tf.function
        def call(self, x):
            seen.append(tf.executing_eagerly())
            return x + 1

    seen, layer = [], Compiled()
    with keras_side.precision("float64"):
        assert np.asarray(layer(np.zeros((1, 2)))).tolist() == [[1, 1]]
    assert seen[-1]
