"""Train the FINTA autoencoder in PyTorch by a recipe, on streamlines that fit in memory."""

import copy
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import torch
from torch import Tensor

from finta.recipe import Recipe
from reference_torch.autoencoder import Autoencoder
from reference_torch.recipe import build_loss, build_optimiser, build_scheduler, clip_gradients


@dataclass(frozen=True, slots=True)
class Epoch:
    """The state after one epoch; losses are sums of squared errors per streamline, mm^2."""

    number: int
    training_loss: float
    validation_loss: float
    is_best: bool


def train(
    training: Tensor,
    validation: Tensor,
    recipe: Recipe,
    on_epoch: Callable[[Epoch], None] = lambda epoch: None,
    latent_size: int = 32,
) -> dict:
    """Train an autoencoder from PyTorch's default initialisation; keep the epoch of lowest validation loss.

    Parameters
    ----------
    training, validation : Tensor, (streamline, coordinate, point), RAS+ mm
        Validation is the ``thres`` split of the batches.
    recipe : Recipe
        Every streamline once an epoch; a latent term needs batches of another composition.
    on_epoch : callable
        Called after each epoch.
    latent_size : int

    Returns
    -------
    dict
        The published layout without the optimiser: ``epoch``, ``state_dict``, ``lowest_loss``.

    Raises
    ------
    ValueError
        If the recipe asks for other batches than all streamlines, shuffled, or for the mean.
    """
    if recipe.latent or recipe.flip_probability or recipe.steps_per_epoch or recipe.reduction != "sum":
        raise ValueError("an epoch is all streamlines, shuffled: no latent term, flips, steps_per_epoch, or mean")
    torch.manual_seed(recipe.seed)
    model = Autoencoder(latent_size, training.shape[-1])
    optimiser = build_optimiser(recipe, model.parameters())
    scheduler = build_scheduler(recipe, optimiser)
    best = {"epoch": 0, "state_dict": model.state_dict(), "lowest_loss": float("inf")}
    for number in range(1, recipe.epochs + 1):
        batches = shuffled_batches(training, recipe.batch_size)
        total = sum(train_step(model, optimiser, recipe, batch) for batch in batches)
        if scheduler:
            scheduler.step()
        validation_loss = mean_loss(model, validation)
        is_best = validation_loss < best["lowest_loss"]
        if is_best:
            weights = copy.deepcopy(model.state_dict())
            best = {"epoch": number, "state_dict": weights, "lowest_loss": validation_loss}
        on_epoch(Epoch(number, total / len(training), validation_loss, is_best))
    return best


def train_step(model: Autoencoder, optimiser: torch.optim.Optimizer, recipe: Recipe, batch: Tensor) -> float:
    """One step on a batch (streamline, coordinate, point); returns the batch's loss before it."""
    objective = build_loss(recipe)
    optimiser.zero_grad()
    latent_codes = model.encode(batch)
    loss = objective.total(objective.parts(batch, model.decode(latent_codes), latent_codes))
    loss.backward()
    clip_gradients(recipe, model.parameters())
    optimiser.step()
    return loss.item()


def shuffled_batches(streamlines: Tensor, batch_size: int) -> Iterator[Tensor]:
    """All streamlines once, in an order drawn from torch's generator, batch by batch."""
    yield from (streamlines[rows] for rows in torch.randperm(len(streamlines)).split(batch_size))


@torch.no_grad()
def mean_loss(model: Autoencoder, streamlines: Tensor) -> float:
    """Sum of squared errors per streamline, mm^2."""
    squares = (torch.nn.functional.mse_loss(model(rows), rows, reduction="sum") for rows in streamlines.split(1000))
    return sum(square.item() for square in squares) / len(streamlines)


@torch.no_grad()
def mean_distance(model: Autoencoder, streamlines: Tensor) -> float:
    """Mean distance between a point and its reconstruction, in mm, over all points of all streamlines."""
    distances = torch.cat([(model(rows) - rows).norm(dim=1) for rows in streamlines.split(1000)])
    return distances.mean().item()
