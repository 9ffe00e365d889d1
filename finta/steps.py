"""What a training step was made of, in either framework."""

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np


@dataclass(frozen=True, slots=True)
class Step:
    """Figures of one step, taken before its update.

    Attributes
    ----------
    losses : Mapping
        ``total``, which is minimised, and its unweighted parts, summed (or averaged) over the batch as the recipe says.
    learning_rate : float
    momentum : float
        Of SGD, or Adam's beta1.
    gradient_norm : float
        Of all gradients as one vector, before they are clipped.
    gradients : Mapping
        Parameter -> its gradient before it is clipped; empty unless asked for.
    is_skipped : bool
        Whether nothing was updated, since gradients were not finite at this scale of the loss (mixed_float16): the next
        step is taken at a smaller one.
    """

    losses: Mapping[str, float]
    learning_rate: float
    momentum: float
    gradient_norm: float
    gradients: Mapping[str, np.ndarray] = field(default_factory=dict)
    is_skipped: bool = False


@dataclass(frozen=True, slots=True)
class Evaluation:
    """How well streamlines are reconstructed.

    Attributes
    ----------
    losses : Mapping
        As in `Step`.
    distances : ndarray, (streamline,)
        Mean distance between a streamline's points and their reconstructions, mm.
    latent_codes : ndarray, (streamline, latent)
    reconstructions : ndarray, (streamline, point, coordinate), RAS+ mm
    """

    losses: Mapping[str, float]
    distances: np.ndarray
    latent_codes: np.ndarray
    reconstructions: np.ndarray


def point_distances(streamlines: np.ndarray, reconstructions: np.ndarray) -> np.ndarray:
    """Mean distance between points: (streamline, point, coordinate), twice -> (streamline,)."""
    return np.linalg.norm(reconstructions.astype(np.float64) - streamlines, axis=-1).mean(axis=-1)
