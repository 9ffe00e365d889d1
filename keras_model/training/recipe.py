"""The recipe of `finta.recipe` in Keras; `reference_torch.recipe` builds the same in PyTorch."""

from typing import Any

import keras

from finta import recipe as settings
from finta.recipe import Recipe
from keras_model.losses import Contrastive, MeanSquaredError, Objective, SumSquaredError, Triplet
from keras_model.optimisers.adam import TorchAdam, TorchAdamW
from keras_model.optimisers.schedules import CosineAnnealing, OneCycle, StepDecay
from keras_model.optimisers.sgd import TorchSGD


def build_optimiser(recipe: Recipe) -> keras.optimizers.Optimizer:
    """Build the optimiser with its schedule and clipping.

    Parameters
    ----------
    recipe : Recipe

    Returns
    -------
    keras.optimizers.Optimizer
        `TorchAdam`, `TorchAdamW` or `TorchSGD`.

    Raises
    ------
    ValueError
        If a setting is out of range, or the schedule needs steps_per_epoch and it is not given.
    """
    clipping: dict[str, Any] = {"global_clipnorm": recipe.clip_norm, "clipvalue": recipe.clip_value}
    rate = build_learning_rate(recipe)
    match recipe.optimiser:
        case settings.Adam(betas, epsilon, weight_decay, decoupled):
            kind = TorchAdamW if decoupled else TorchAdam
            return kind(rate, beta_1=betas[0], beta_2=betas[1], epsilon=epsilon, weight_decay=weight_decay, **clipping)
        case settings.SGD(momentum, dampening, nesterov, weight_decay):
            return TorchSGD(rate, momentum, dampening, nesterov, weight_decay, **clipping)


def build_learning_rate(recipe: Recipe) -> float | keras.optimizers.schedules.LearningRateSchedule:
    """Build the schedule, per batch; a float where it is constant.

    Raises
    ------
    ValueError
        If a setting is out of range, or the schedule needs steps_per_epoch and it is not given.
    """
    schedule = recipe.schedule
    match schedule:
        case settings.Constant(learning_rate):
            return float(learning_rate)
        case settings.StepDecay(learning_rate, step_size, gamma):
            return StepDecay(learning_rate, step_size, gamma, every=recipe.count_steps_per_epoch())
        case settings.CosineAnnealing(learning_rate, half_period, minimum):
            return CosineAnnealing(learning_rate, half_period, minimum, every=recipe.count_steps_per_epoch())
    return OneCycle(
        schedule.max_learning_rate,
        recipe.count_steps(),
        schedule.pct_start,
        schedule.anneal_strategy,
        schedule.cycle_momentum,
        schedule.base_momentum,
        schedule.max_momentum,
        schedule.div_factor,
        schedule.final_div_factor,
        schedule.three_phase,
    )


def build_loss(recipe: Recipe) -> Objective:
    """Build the objective: its parts apart, and their weighted sum.

    Parameters
    ----------
    recipe : Recipe

    Returns
    -------
    Objective
    """
    reconstruction = SumSquaredError() if recipe.reduction == "sum" else MeanSquaredError()
    match recipe.latent:
        case settings.Contrastive(margin, weight):
            return Objective(reconstruction, Contrastive(margin), weight)
        case settings.Triplet(margin, distance, weight):
            return Objective(reconstruction, Triplet(margin, distance), weight)
    return Objective(reconstruction)
