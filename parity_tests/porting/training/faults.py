"""Trainings of the port that differ from the reference's, with the quantity and the step that tell them."""

from dataclasses import replace

import keras

from finta.recipe import Contrastive
from keras_model.training.trainer import Trainer


def with_recipe(**changes):
    return lambda model, recipe, **settings: Trainer(model, replace(recipe, **changes), **settings)


def with_optimiser(**changes):
    return lambda model, recipe, **settings: with_recipe(optimiser=replace(recipe.optimiser, **changes))(
        model, recipe, **settings
    )


def with_schedule(**changes):
    return lambda model, recipe, **settings: with_recipe(schedule=replace(recipe.schedule, **changes))(
        model, recipe, **settings
    )


class WithoutLatentGradient(Trainer):
    """The same losses, of which one is not learnt from."""

    def __init__(self, model, recipe, **settings):
        super().__init__(model, recipe, **settings)
        learnt = self.computation.losses
        self.computation.losses = lambda streamlines, reconstructions, latent_codes, shares=None: learnt(
            streamlines, reconstructions, keras.ops.stop_gradient(latent_codes), shares
        )


DIFFERENT = [
    (with_schedule(div_factor=24.0), "schedule", 1),
    (with_schedule(cycle_momentum=False), "schedule", 1),
    (with_recipe(reduction="mean"), "loss", 1),
    (with_recipe(latent=Contrastive(margin=1.0)), "loss", 1),
    (with_recipe(latent=Contrastive(weight=4.0)), "loss", 1),
    (WithoutLatentGradient, "gradient", 1),
    (with_optimiser(decoupled=True), "optimiser", 1),
    (with_optimiser(epsilon=1e-7), "optimiser", 1),
    (with_optimiser(betas=(0.9, 0.99)), "state", 1),
    (with_recipe(clip_norm=1.0), "optimiser", 1),
]
