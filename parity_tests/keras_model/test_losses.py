from dataclasses import replace

import keras
import numpy as np
import pytest
import torch

import keras_model
import reference_torch.recipe
from finta.recipe import ORIGINAL, SIMPLE, Triplet
from keras_model import Contrastive, MeanSquaredError, Objective, SumSquaredError
from parity_tests.keras_model.trajectories import LOSSES

pytestmark = pytest.mark.skipif(keras.backend.backend() != "tensorflow", reason="gradients are taken by TensorFlow")


@pytest.fixture
def batch():
    """Streamlines, reconstructions and latent codes, some nearer than the margin and some equal."""
    generator = np.random.default_rng(0)
    streamlines, reconstructions = 100 * generator.standard_normal((2, 24, 16, 3))
    latent_codes = 2 * generator.standard_normal((24, 5))
    latent_codes[18] = latent_codes[12]
    return streamlines, reconstructions, latent_codes


def in_torch(recipe, batch):
    """Each part, the total, and its gradients."""
    objective = reference_torch.recipe.build_loss(recipe)
    streamlines, *given = (torch.from_numpy(array).requires_grad_() for array in batch)
    parts = objective.parts(streamlines, *given)
    total = objective.total(parts)
    gradients = torch.autograd.grad(total, given, materialize_grads=True)
    return [part.item() for part in parts.values()], total.item(), [gradient.numpy() for gradient in gradients]


def in_keras(recipe, batch):
    import tensorflow as tf

    objective = keras_model.build_loss(recipe)
    streamlines, *given = (tf.constant(array) for array in batch)
    with tf.GradientTape() as tape:
        tape.watch(given)
        parts = objective.parts(streamlines, *given)
        total = objective.total(parts)
    gradients = tape.gradient(total, given, unconnected_gradients="zero")
    return [float(part) for part in parts.values()], float(total), [np.asarray(gradient) for gradient in gradients]


RECIPES = {**LOSSES, "simple": SIMPLE, "mean and contrastive": replace(ORIGINAL, reduction="mean")}


@pytest.mark.parametrize("recipe", RECIPES.values(), ids=RECIPES)
def test_each_part_their_sum_and_its_gradients_are_torchs(recipe, batch):
    parts, total, gradients = in_keras(recipe, batch)
    expected_parts, expected_total, expected_gradients = in_torch(recipe, batch)
    assert [*parts, total] == pytest.approx([*expected_parts, expected_total], rel=1e-13)
    for gradient, expected in zip(gradients, expected_gradients, strict=True):
        np.testing.assert_allclose(gradient, expected, rtol=0, atol=1e-12 * max(1e-300, np.abs(expected).max()))


def test_the_contrastive_loss_of_two_pairs_by_hand():
    codes = np.array([[1.0, 2.0], [4.0, 2.5], [0.0, 0.0], [1.0, -3.0]])
    assert float(Contrastive(1.25)(None, codes)) == 3**2 + 0.5**2 + 0.25**2


def test_the_layout_of_a_batch_matters(batch):
    codes = batch[2]
    turned = np.concatenate([codes[12:], codes[:12]])
    for loss in (Contrastive(), keras_model.Triplet(2.0)):
        assert float(loss(None, codes)) != pytest.approx(float(loss(None, turned)), rel=1e-3)


@pytest.mark.parametrize(
    ("loss", "layout"),
    [
        (Contrastive(), r"\[pos1 \| pos2 \| neg1 \| neg2\]: its size must be a multiple of 4"),
        (keras_model.Triplet(1.0), r"\[anchor \| positive \| negative\]: its size must be a multiple of 3"),
    ],
)
def test_a_batch_of_another_layout_is_refused(loss, layout):
    with pytest.raises(ValueError, match="a batch of 10 latent codes is no " + layout):
        loss(None, np.zeros((10, 2)))


def test_other_settings_are_refused():
    with pytest.raises(ValueError, match="distance='l1'"):
        keras_model.Triplet(1.0, "l1")
    with pytest.raises(ValueError, match="takes no sample_weight"):
        SumSquaredError()(np.zeros((1, 2)), np.zeros((1, 2)), sample_weight=np.ones(1))


def test_sums_of_a_float16_model_do_not_overflow():
    reconstructions = np.full((4, 64, 3), 100.0, "float16")
    assert float(SumSquaredError()(np.zeros((4, 64, 3), "float32"), reconstructions)) == 4 * 64 * 3 * 1e4
    assert SumSquaredError()(np.zeros(2), np.zeros(2)).dtype == "float64"


@pytest.mark.parametrize(
    "loss",
    [
        SumSquaredError("sum"),
        MeanSquaredError("mean"),
        Contrastive(2.0, "repelled"),
        keras_model.Triplet(2.0, "cosine", "three"),
        Objective(SumSquaredError(), Contrastive(2.0), 7.0),
        Objective(MeanSquaredError()),
    ],
    ids=lambda loss: type(loss).__name__,
)
def test_losses_are_registered_and_come_back_as_they_were(loss):
    again = keras.saving.deserialize_keras_object(keras.saving.serialize_keras_object(loss))
    assert type(again) is type(loss)
    assert again.get_config() == loss.get_config()


def test_a_triplet_recipe_takes_batches_of_threes():
    with pytest.raises(ValueError, match="Triplet compares 3 groups of a batch, so it must be a multiple of 3"):
        replace(SIMPLE, latent=Triplet(1.0))
