import keras
import numpy as np
import pytest
import torch

import keras_model
import reference_torch
from finta import shipped
from tractography.batches.batches import draw_balanced

SIZES = [(1, 64), (8, 96), (32, 256), (64, 128)]


@pytest.mark.parametrize(("latent_size", "point_count"), SIZES)
def test_both_models_take_every_size_that_the_architecture_allows(latent_size, point_count):
    reference = reference_torch.Autoencoder(latent_size, point_count)
    port = keras_model.build_autoencoder(latent_size, point_count)
    assert reference(torch.zeros(2, 3, point_count)).shape == (2, 3, point_count)
    assert port.output_shape == (None, point_count, 3)
    assert port.encoder.output_shape == (None, latent_size)
    assert port.decoder.input_shape == (None, latent_size)
    assert port.count_params() == sum(parameter.numel() for parameter in reference.parameters())


@pytest.mark.parametrize("build", [reference_torch.Autoencoder, keras_model.build_autoencoder])
@pytest.mark.parametrize(
    ("latent_size", "point_count", "reason"),
    [(0, 256, "at least one value"), (32, 32, "at least 64"), (32, 100, "multiple of 32")],
)
def test_other_sizes_are_refused_with_the_reason(build, latent_size, point_count, reason):
    with pytest.raises(ValueError, match=reason):
        build(latent_size, point_count)


def test_the_reference_has_the_tensor_names_of_the_published_checkpoint():
    convolutions = [f"{part}_conv{number}.1" for part in ("encod", "decod") for number in range(1, 7)]
    names = {f"{layer}.{kind}" for layer in (*convolutions, "fc1", "fc2") for kind in ("weight", "bias")}
    state_dict = reference_torch.Autoencoder().state_dict()
    assert set(state_dict) == names
    assert sum(tensor.numel() for tensor in state_dict.values()) == 4_726_307


@pytest.mark.parametrize(("latent_size", "point_count"), SIZES)
def test_sizes_are_read_back_off_the_weights_of_either_side(latent_size, point_count):
    sizes = {"latent_size": latent_size, "point_count": point_count}
    reference = reference_torch.Autoencoder(latent_size, point_count)
    port = keras_model.build_autoencoder(latent_size, point_count)
    assert reference_torch.read_sizes({name: tuple(t.shape) for name, t in reference.state_dict().items()}) == sizes
    assert keras_model.read_sizes({v.path: tuple(v.shape) for v in port.weights}) == sizes


def test_a_first_dense_layer_of_impossible_size_is_refused():
    with pytest.raises(ValueError, match=r"fc1.weight takes 1000 features, which is no multiple of 1024"):
        reference_torch.read_sizes({"fc1.weight": (32, 1000)})
    with pytest.raises(ValueError, match="at least 64"):
        keras_model.read_sizes({"fc1/kernel": (1024, 32)})


def test_port_layer_names_equal_the_reference_attribute_names():
    port = keras_model.build_autoencoder()
    names = {layer.name for model in (port.encoder, port.decoder) for layer in model.layers}
    assert set(dict(reference_torch.Autoencoder().named_children())) - {"upsample"} <= names


@pytest.mark.parametrize("dtype", ["float32", "float64", "mixed_float16"])
def test_a_saved_port_loads_with_plain_keras_in_its_precision(tmp_path, dtype):
    port = keras_model.build_autoencoder(8, 64, dtype=dtype)
    port.save(tmp_path / "port.keras")
    loaded = keras.saving.load_model(tmp_path / "port.keras")
    streamlines = np.random.default_rng(0).normal(scale=50, size=(2, 64, 3)).astype(np.float32)
    assert isinstance(loaded, keras_model.Autoencoder)
    assert loaded.encoder.get_layer("fc1").dtype_policy.name == dtype
    assert np.array_equal(np.asarray(loaded(streamlines)), np.asarray(port(streamlines)))


def test_the_shipped_port_still_gives_the_recorded_latent_codes(porting_golden):
    port = keras_model.load_autoencoder(shipped.KERAS_CHECKPOINT)
    streamlines = draw_balanced(shipped.DIPY_BATCHES, 8).streamlines
    porting_golden("latent_codes", np.asarray(port.encoder.predict_on_batch(streamlines)))
