"""The simple training recipe of FINTA in PyTorch: Adam with coupled L2, constant rate, sum of squared errors.

Constants: learning rate and weight decay as the FINTA paper attests them (doi 10.1016/j.media.2021.102126).
"""

import copy
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import torch
from torch import Tensor

from reference_torch.autoencoder import Autoencoder


@dataclass(frozen=True, slots=True)
class SimpleRecipe:
    """What the simple recipe fixes, and the two sizes that depend on the data (streamlines per batch, epochs)."""

    learning_rate: float = 6.68e-4
    weight_decay: float = 0.13
    batch_size: int = 1000
    epochs: int = 100
    seed: int = 0


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
    recipe: SimpleRecipe,
    on_epoch: Callable[[Epoch], None] = lambda epoch: None,
    latent_size: int = 32,
) -> dict:
    """Train an autoencoder from PyTorch's default initialisation; keep the epoch of lowest validation loss.

    Parameters
    ----------
    training, validation : Tensor, (streamline, coordinate, point), RAS+ mm
        Validation is the ``thres`` split of the batches.
    recipe : SimpleRecipe
    on_epoch : callable
        Called after each epoch.
    latent_size : int

    Returns
    -------
    dict
        The published layout without the optimiser: ``epoch``, ``state_dict``, ``lowest_loss``.
    """
    torch.manual_seed(recipe.seed)
    model = Autoencoder(latent_size, training.shape[-1])
    optimiser = torch.optim.Adam(model.parameters(), lr=recipe.learning_rate, weight_decay=recipe.weight_decay)
    best = {"epoch": 0, "state_dict": model.state_dict(), "lowest_loss": float("inf")}
    for number in range(1, recipe.epochs + 1):
        total = sum(train_step(model, optimiser, batch) for batch in shuffled_batches(training, recipe.batch_size))
        validation_loss = mean_loss(model, validation)
        is_best = validation_loss < best["lowest_loss"]
        if is_best:
            weights = copy.deepcopy(model.state_dict())
            best = {"epoch": number, "state_dict": weights, "lowest_loss": validation_loss}
        on_epoch(Epoch(number, total / len(training), validation_loss, is_best))
    return best


def train_step(model: Autoencoder, optimiser: torch.optim.Optimizer, batch: Tensor) -> float:
    """One step on a batch (streamline, coordinate, point); returns the batch's sum of squared errors, mm^2."""
    optimiser.zero_grad()
    loss = torch.nn.functional.mse_loss(model(batch), batch, reduction="sum")
    loss.backward()
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
