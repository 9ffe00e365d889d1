"""The recipe of `finta.recipe` in PyTorch: the yardstick for `keras_model.training.recipe`."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn
from torch.optim.lr_scheduler import CosineAnnealingLR, LRScheduler, OneCycleLR, StepLR

from finta import recipe as settings
from finta.recipe import Recipe


def build_optimiser(recipe: Recipe, parameters: Iterable[nn.Parameter]) -> torch.optim.Optimizer:
    """Build torch's own optimiser."""
    rate = _first_learning_rate(recipe)
    match recipe.optimiser:
        case settings.Adam(betas, epsilon, weight_decay, decoupled):
            kind = torch.optim.AdamW if decoupled else torch.optim.Adam
            return kind(parameters, lr=rate, betas=betas, eps=epsilon, weight_decay=weight_decay)
        case settings.SGD(momentum, dampening, nesterov, weight_decay):
            return torch.optim.SGD(parameters, rate, momentum, dampening, weight_decay, nesterov)


def _first_learning_rate(recipe: Recipe) -> float:
    schedule = recipe.schedule
    return schedule.max_learning_rate if isinstance(schedule, settings.OneCycle) else schedule.learning_rate


def build_scheduler(recipe: Recipe, optimiser: torch.optim.Optimizer) -> LRScheduler | None:
    """Build torch's own scheduler; None where the learning rate is constant.

    Step it after every batch or after every epoch, as ``recipe.is_stepped_per_batch`` says.

    Raises
    ------
    ValueError
        If a setting is out of range, or the schedule needs steps_per_epoch and it is not given.
    """
    schedule = recipe.schedule
    match schedule:
        case settings.Constant():
            return None
        case settings.StepDecay(_, step_size, gamma):
            return StepLR(optimiser, step_size, gamma)
        case settings.CosineAnnealing(_, half_period, minimum):
            return CosineAnnealingLR(optimiser, half_period, minimum)
    return OneCycleLR(
        optimiser,
        schedule.max_learning_rate,
        total_steps=recipe.count_steps(),
        pct_start=schedule.pct_start,
        anneal_strategy=schedule.anneal_strategy,
        cycle_momentum=schedule.cycle_momentum,
        base_momentum=schedule.base_momentum,
        max_momentum=schedule.max_momentum,
        div_factor=schedule.div_factor,
        final_div_factor=schedule.final_div_factor,
        three_phase=schedule.three_phase,
    )


def clip_gradients(recipe: Recipe, parameters: Iterable[nn.Parameter]) -> None:
    """Clip what ``backward`` left, before the optimiser adds its L2."""
    if recipe.clip_norm is not None:
        nn.utils.clip_grad_norm_(parameters, recipe.clip_norm)
    if recipe.clip_value is not None:
        nn.utils.clip_grad_value_(parameters, recipe.clip_value)


@dataclass(frozen=True, slots=True)
class Objective:
    """Reconstruction + weight x latent term."""

    recipe: Recipe

    def parts(self, streamlines: Tensor, reconstructions: Tensor, latent_codes: Tensor) -> dict[str, Tensor]:
        """Each part's value, unweighted: ``reconstruction`` and, if there is one, ``latent``."""
        squares = nn.functional.mse_loss(reconstructions, streamlines, reduction=self.recipe.reduction)
        parts = {"reconstruction": squares}
        match self.recipe.latent:
            case settings.Contrastive(margin):
                parts["latent"] = contrastive_loss(latent_codes, margin)
            case settings.Triplet(margin, distance):
                parts["latent"] = triplet_loss(latent_codes, margin, distance)
        return parts

    def total(self, parts: dict[str, Tensor]) -> Tensor:
        """What is minimised, of what `parts` returned."""
        if self.recipe.latent is None:
            return parts["reconstruction"]
        return parts["reconstruction"] + self.recipe.latent.weight * parts["latent"]


def build_loss(recipe: Recipe) -> Objective:
    """Build the objective: its parts apart, and their weighted sum."""
    return Objective(recipe)


def contrastive_loss(latent_codes: Tensor, margin: float) -> Tensor:
    """Sum of (p1 - p2)^2 + max(margin - abs(n1 - n2), 0)^2; latent codes are [pos1 | pos2 | neg1 | neg2]."""
    pos1, pos2, neg1, neg2 = latent_codes.chunk(4)
    attracted = (pos1 - pos2) ** 2
    repelled = (margin - (neg1 - neg2).abs()).clamp(min=0) ** 2
    return attracted.sum() + repelled.sum()


def triplet_loss(latent_codes: Tensor, margin: float, distance: str) -> Tensor:
    """PyTorch's own, summed; latent codes are [anchor | positive | negative]."""
    measure: Any = nn.PairwiseDistance() if distance == "l2" else _cosine_distance
    loss = nn.TripletMarginWithDistanceLoss(distance_function=measure, margin=margin, reduction="sum")
    return loss(*latent_codes.chunk(3))


def _cosine_distance(one: Tensor, other: Tensor) -> Tensor:
    return 1 - nn.functional.cosine_similarity(one, other)
