"""Pooling and resizing in float64, which TensorFlow has in float32 alone: the same values and gradients as torch's."""

import keras
import numpy as np
import pytest
import torch
from keras import layers

from porting.port import side as keras_side

pytestmark = pytest.mark.skipif(keras.backend.backend() != "tensorflow", reason="TensorFlow's own")


def gradients(layer, volumes):
    import tensorflow as tf

    given = tf.constant(volumes)
    with tf.GradientTape() as tape:
        tape.watch(given)
        pooled = layer(given)
        total = tf.reduce_sum(pooled * tf.reshape(tf.range(tf.size(pooled), dtype=tf.float64), tf.shape(pooled)))
    return np.asarray(pooled), np.asarray(tape.gradient(total, given))


@pytest.mark.parametrize("kind", ["Max", "Average"])
@pytest.mark.parametrize(("window", "strides"), [(2, 2), ((3, 2, 1), (1, 2, 3))])
@pytest.mark.parametrize("layout", ["channels_last", "channels_first"])
def test_volumes_are_pooled_as_torch_pools_them(kind, window, strides, layout):
    volumes = np.maximum(np.random.default_rng(0).standard_normal((2, 3, 6, 5, 7)), 0)  # with equal ones: zeros
    pool = {"Max": torch.nn.MaxPool3d, "Average": torch.nn.AvgPool3d}[kind](window, strides)
    given = torch.tensor(volumes, requires_grad=True)
    wanted = pool(given)
    last = layout == "channels_last"
    order = torch.arange(wanted.numel(), dtype=torch.float64)
    factors = order.reshape(*wanted.movedim(1, -1).shape).movedim(-1, 1) if last else order.reshape(wanted.shape)
    (wanted * factors).sum().backward()
    with keras_side.precision("float64"):
        layer = getattr(layers, f"{kind}Pooling3D")(window, strides, data_format=layout)
        pooled, gradient = gradients(layer, np.moveaxis(volumes, 1, -1) if last else volumes)
    if last:
        pooled, gradient = np.moveaxis(pooled, -1, 1), np.moveaxis(gradient, -1, 1)
    np.testing.assert_allclose(pooled, wanted.detach().numpy(), rtol=1e-14, atol=1e-15)
    np.testing.assert_allclose(gradient, given.grad.numpy(), rtol=1e-14, atol=1e-15)


@pytest.mark.parametrize("kind", ["MaxPooling3D", "AveragePooling3D"])
def test_borders_are_padded_as_in_float32(kind):
    volumes = np.random.default_rng(1).standard_normal((2, 5, 6, 7, 3))
    expected = np.asarray(getattr(layers, kind)(3, 2, "same")(volumes.astype(np.float32)))
    with keras_side.precision("float64"):
        given = keras.Input((None, 6, None, 3))
        model = keras.Model(given, getattr(layers, kind)(3, 2, "same")(given))
        pooled = np.asarray(model(volumes))
    assert pooled.dtype == np.float64
    np.testing.assert_allclose(pooled, expected, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("kind", ["AdaptiveAveragePooling3D", "AdaptiveMaxPooling3D"])
def test_pooling_to_a_size_is_wide(kind):
    volumes = np.random.default_rng(2).standard_normal((2, 3, 7, 5, 6))
    torchs = {"AdaptiveAveragePooling3D": "AdaptiveAvgPool3d", "AdaptiveMaxPooling3D": "AdaptiveMaxPool3d"}[kind]
    wanted = getattr(torch.nn, torchs)((3, 2, 4))(torch.tensor(volumes)).numpy()
    with keras_side.precision("float64"):
        pooled = np.asarray(getattr(layers, kind)((3, 2, 4), data_format="channels_first")(volumes))
    np.testing.assert_allclose(pooled, wanted, rtol=1e-14, atol=1e-15)


@pytest.mark.parametrize("sizes", [(8, 10), (3, 7), (4, 5), (1, 1)])
def test_images_are_resized_as_torch_resizes_them(sizes):
    images = np.random.default_rng(3).standard_normal((2, 3, 4, 5))
    given = torch.tensor(images, requires_grad=True)
    wanted = torch.nn.functional.interpolate(given, size=sizes, mode="bilinear")
    factors = torch.arange(wanted.numel(), dtype=torch.float64).reshape(2, *sizes, 3).movedim(-1, 1)
    (wanted * factors).sum().backward()
    with keras_side.precision("float64"):
        resized, gradient = gradients(layers.Resizing(*sizes), np.moveaxis(images, 1, -1))
    np.testing.assert_allclose(np.moveaxis(resized, -1, 1), wanted.detach().numpy(), rtol=1e-14, atol=1e-15)
    np.testing.assert_allclose(np.moveaxis(gradient, -1, 1), given.grad.numpy(), rtol=1e-14, atol=1e-12)


def test_images_of_any_size_are_resized_wide():
    images = np.random.default_rng(4).standard_normal((2, 4, 5, 3))
    with keras_side.precision("float64"):
        given = keras.Input((None, None, 3))
        model = keras.Model(given, layers.UpSampling2D(3, interpolation="bilinear")(given))
        resized = np.asarray(model(images))
    wanted = torch.nn.functional.interpolate(torch.tensor(images).movedim(-1, 1), scale_factor=3, mode="bilinear")
    np.testing.assert_allclose(resized, wanted.movedim(1, -1).numpy(), rtol=1e-14, atol=1e-15)
