from dataclasses import FrozenInstanceError, replace

import keras
import numpy as np
import pytest
import torch
from torch.optim.lr_scheduler import OneCycleLR

import keras_model
import reference_torch.recipe
from finta.recipe import ORIGINAL, SGD, SIMPLE, Adam, Constant, Contrastive, OneCycle, Recipe, StepDecay
from keras_model import Trainee, build_autoencoder, initialise
from parity_tests.keras_model.trajectories import RECIPES

SMALL = replace(ORIGINAL, batch_size=8, epochs=3, steps_per_epoch=4)


@pytest.fixture(scope="module")
def streamlines():
    return 50 * np.random.default_rng(0).standard_normal((32, 64, 3)).astype("float32")


def trainee(recipe=SMALL, dtype=None):
    built = Trainee(build_autoencoder(4, 64, dtype), keras_model.build_loss(recipe))
    initialise(built, recipe.seed)
    built.compile(keras_model.build_optimiser(recipe))
    return built


def fit(model, streamlines, epochs=1):
    return model.fit(streamlines, batch_size=8, epochs=epochs, shuffle=False, verbose=0).history


def test_the_simple_recipe_is_the_attested_one():
    assert Recipe(Adam((0.9, 0.999), 1e-8, 0.13), Constant(6.68e-4), batch_size=1000, epochs=100) == SIMPLE


def test_the_original_recipe_is_the_originals():
    cycle = OneCycle(1e-3, 0.3, "cos", True, 0.85, 0.95, 25.0, 1e4, False)
    assert (
        Recipe(
            Adam((0.9, 0.999), 1e-8, 0.13), cycle, 384, 3, 100, "sum", Contrastive(1.25, 400.0), flip_probability=0.5
        )
        == ORIGINAL
    )
    with pytest.raises(FrozenInstanceError):
        ORIGINAL.epochs = 4


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"batch_size": 90}, "batch_size=90: Contrastive compares 4 groups of a batch, so it must be a multiple of 4"),
        ({"epochs": 0}, "epochs=0: must be at least 1"),
        ({"steps_per_epoch": -1}, "steps_per_epoch=-1: must be at least 1"),
        ({"reduction": "none"}, "reduction='none'"),
        ({"flip_probability": 1.5}, "flip_probability=1.5"),
        ({"clip_norm": 1.0, "clip_value": 1.0}, "clip_norm and clip_value are both given"),
    ],
)
def test_a_recipe_that_contradicts_itself_is_refused(changes, words):
    with pytest.raises(ValueError, match=words):
        replace(ORIGINAL, **changes)


@pytest.mark.parametrize("schedule", [OneCycle(1e-3), StepDecay(1e-3, 5)])
def test_a_schedule_that_needs_the_length_of_an_epoch_says_so(schedule):
    with pytest.raises(ValueError, match=f"steps_per_epoch is not given: {type(schedule).__name__}"):
        keras_model.build_optimiser(replace(SIMPLE, schedule=schedule))


def test_torch_builds_its_own_classes():
    parameters = [torch.nn.Parameter(torch.zeros(1))]
    kinds = {}
    for name, recipe in RECIPES.items():
        optimiser = reference_torch.recipe.build_optimiser(recipe, parameters)
        kinds[name] = (type(optimiser), type(reference_torch.recipe.build_scheduler(recipe, optimiser)))
    assert kinds["original"] == (torch.optim.Adam, OneCycleLR)
    assert kinds["AdamW"] == (torch.optim.AdamW, type(None))
    assert kinds["SGD"] == (torch.optim.SGD, type(None))


@pytest.mark.slow
def test_steps_of_a_whole_model_are_those_of_the_same_steps_by_hand(streamlines):
    by_fit, by_hand = trainee(), trainee()
    history = fit(by_fit, streamlines)
    parts = []
    for batch in np.split(streamlines, 4):
        outputs = by_hand(batch)
        parts.append([float(part) for part in by_hand.objective.parts(batch, **outputs).values()])
        by_hand.train_on_batch(batch)
    assert [history["reconstruction"][0], history["latent"][0]] == pytest.approx(np.mean(parts, axis=0), rel=1e-5)
    for ours, other in zip(by_fit.weights, by_hand.weights, strict=True):
        np.testing.assert_allclose(ours, other, rtol=0, atol=1e-6)


@pytest.mark.slow
@pytest.mark.parametrize("recipe", [SMALL, *(replace(SIMPLE, optimiser=held) for held in (SGD(0.9), Adam()))])
def test_a_compiled_model_is_saved_loaded_and_goes_on_where_it_was(recipe, streamlines, tmp_path):
    model = trainee(replace(recipe, schedule=OneCycle(1e-5), epochs=3, steps_per_epoch=4, batch_size=8))
    fit(model, streamlines, epochs=2)
    model.save(tmp_path / "trainee.keras")
    loaded = keras.saving.load_model(tmp_path / "trainee.keras", safe_mode=True)
    assert int(loaded.optimizer.iterations) == 8
    assert float(loaded.optimizer.learning_rate) == float(model.optimizer.learning_rate)
    assert loaded.objective.get_config() == model.objective.get_config()
    assert fit(loaded, streamlines) == fit(model, streamlines)
    for ours, other in zip(loaded.variables, model.variables, strict=True):
        assert np.array_equal(ours, other), ours.path


@pytest.mark.slow
@pytest.mark.parametrize("policy", ["mixed_float16", "mixed_bfloat16"])
def test_mixed_precision_trains_with_moments_in_float32(policy, streamlines):
    model = trainee(replace(SMALL, reduction="mean", latent=None), policy)
    losses = fit(model, streamlines, epochs=3)["loss"]
    assert losses == pytest.approx(
        fit(trainee(replace(SMALL, reduction="mean", latent=None)), streamlines, 3)["loss"], rel=0.02
    )
    inner = getattr(model.optimizer, "inner_optimizer", model.optimizer)
    assert {variable.dtype for variable in inner.exp_avg} == {"float32"}
    assert int(inner.iterations) > 0


def test_streamlines_are_their_own_target(streamlines):
    with pytest.raises(ValueError, match="streamlines are their own target"):
        trainee().fit(streamlines, streamlines, verbose=0)
