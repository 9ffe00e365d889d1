import keras
import numpy as np
import pytest
import torch

from keras_model import LinearUpsampling1D, ReflectionPadding1D


@pytest.fixture
def activation():
    return np.random.default_rng(0).standard_normal((4, 9, 5)).astype(np.float32)


def in_torch(layer, activation):
    return layer(torch.from_numpy(activation).transpose(1, 2)).transpose(1, 2).numpy()


@pytest.mark.parametrize("padding", [1, 2, 8])
def test_reflection_padding_equals_torch_at_every_point(activation, padding):
    expected = in_torch(torch.nn.ReflectionPad1d(padding), activation)
    assert np.array_equal(np.asarray(ReflectionPadding1D(padding)(activation)), expected)


def test_linear_upsampling_equals_torch_within_and_at_both_ends(activation):
    expected = in_torch(torch.nn.Upsample(scale_factor=2, mode="linear", align_corners=False), activation)
    upsampled = np.asarray(LinearUpsampling1D()(activation))
    np.testing.assert_allclose(upsampled, expected, rtol=1e-6, atol=1e-6)
    assert np.array_equal(upsampled[:, 0], activation[:, 0])
    assert np.array_equal(upsampled[:, -1], activation[:, -1])


def test_linear_upsampling_of_one_point_repeats_it():
    point = np.ones((2, 1, 3), np.float32)
    assert np.array_equal(np.asarray(LinearUpsampling1D()(point)), np.ones((2, 2, 3), np.float32))


def test_reflecting_more_points_than_there_are_is_refused():
    with pytest.raises(ValueError, match="cannot reflect 3 points of a streamline of 3"):
        ReflectionPadding1D(3)(np.zeros((1, 3, 2), np.float32))


@pytest.mark.parametrize("layer", [ReflectionPadding1D(2, name="pad"), LinearUpsampling1D(name="up")])
def test_layers_are_registered_and_load_with_safe_mode_on(layer, tmp_path, activation):
    model = keras.Sequential([keras.Input((9, 5)), layer])
    model.save(tmp_path / "model.keras")
    loaded = keras.saving.load_model(tmp_path / "model.keras", safe_mode=True)
    assert np.array_equal(np.asarray(loaded(activation)), np.asarray(model(activation)))
    assert loaded.layers[0].get_config() == layer.get_config()


@pytest.mark.parametrize(("layer", "points"), [(ReflectionPadding1D(2), 13), (LinearUpsampling1D(), 18)])
def test_shapes_are_known_before_anything_runs(layer, points):
    assert layer.compute_output_shape((None, 9, 5)) == (None, points, 5)
    assert layer.compute_output_shape((None, None, 5)) == (None, None, 5)
