"""Gaussian kernel densities over latent codes, in float64: their bandwidth, their logarithm, draws from them.

A bandwidth means something only relative to the scale of the latent codes: a far smaller one than their spread copies
the seeds, a far larger one forgets them. In 32 dimensions densities are near exp(-113), so logarithms are computed.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from tractography.errors import GenerationError

BANDWIDTHS = np.exp(np.linspace(-1, 1, 100))
"""The published grid for cross-validation, 0.37 to 2.7, in units of the latent codes; it is not scaled to them."""

FOLDS = 5
"""As scikit-learn's ``GridSearchCV``, folds of consecutive seeds: their order should be drawn."""

RULES = ("silverman", "cross-validated")
NORMAL_IQR = 1.3489795
BLOCK = 4_000_000
"""Distances held at a time."""

NEGLIGIBLE = 45.0
"""Kernels that are exp(-45) of the nearest or less are below what float64 adds to it."""


@dataclass(frozen=True, slots=True)
class LatentDensity:
    """The mean of Gaussian kernels of one bandwidth at the seeds.

    Attributes
    ----------
    seeds : ndarray, (seed, latent), float64
    bandwidth : float
        Standard deviation of every kernel in every direction, in units of the latent codes.
    """

    seeds: np.ndarray
    bandwidth: float

    def log_density(self, codes: np.ndarray) -> np.ndarray:
        """Compute the natural logarithm of the density.

        Parameters
        ----------
        codes : ndarray, (code, latent)

        Returns
        -------
        ndarray, (code,), float64
        """
        from scipy.special import logsumexp

        count, latent_size = self.seeds.shape
        constant = np.log(count) + latent_size * np.log(self.bandwidth * np.sqrt(2 * np.pi))
        blocks = [
            np.asarray(logsumexp(squares / (-2 * self.bandwidth**2), axis=1))
            for squares in _squared_distances(codes, self.seeds)
        ]
        return np.concatenate([np.empty(0), *blocks]) - constant

    def draw(self, count: int, generator: np.random.Generator) -> np.ndarray:
        """Draw latent codes: a seed uniformly, then from its kernel; (code, latent), float64."""
        chosen = self.seeds[generator.integers(len(self.seeds), size=count)]
        return chosen + self.bandwidth * generator.standard_normal(chosen.shape)


def fit_density(seeds: np.ndarray, bandwidth: float | str) -> LatentDensity:
    """Put a kernel on each seed.

    Parameters
    ----------
    seeds : ndarray, (seed, latent)
    bandwidth : float or str
        In units of the latent codes; or ``silverman``, or ``cross-validated``.

    Raises
    ------
    GenerationError
        If there is no seed, one is not finite, or the bandwidth is not positive or cannot be derived from the seeds.
    """
    seeds = np.asarray(seeds, np.float64)
    if seeds.ndim != 2 or not seeds.size:
        raise GenerationError(f"No seeds: latent codes of shape {seeds.shape}, where (seed, latent) is needed.")
    if bad := np.flatnonzero(~np.isfinite(seeds).all(axis=1)).tolist():
        raise GenerationError(
            f"{len(bad)} of {len(seeds)} seeds are not finite, the first is number {bad[0]}. Remove their streamlines."
        )
    check_bandwidth(bandwidth)
    return LatentDensity(seeds, _derive(seeds, bandwidth) if isinstance(bandwidth, str) else float(bandwidth))


def check_bandwidth(bandwidth: float | str) -> None:
    """Check that a bandwidth is above 0, or the name of a rule to derive one by.

    Raises
    ------
    GenerationError
        If it is not.
    """
    if isinstance(bandwidth, str):
        if bandwidth not in RULES:
            raise GenerationError(f"The bandwidth is {bandwidth!r}, it must be a number or one of {', '.join(RULES)}.")
    elif not (np.isfinite(bandwidth) and bandwidth > 0):
        raise GenerationError(f"The bandwidth is {bandwidth:g}, it must be above 0: the density would be singular.")


def _derive(seeds: np.ndarray, rule: str) -> float:
    if len(seeds) > 1 and (seeds == seeds[0]).all():
        raise GenerationError(
            f"All {len(seeds)} seeds are identical: no bandwidth can be derived from them. Give one as a number."
        )
    return silverman_bandwidth(seeds) if rule == "silverman" else cross_validated_bandwidth(seeds)


def silverman_bandwidth(seeds: np.ndarray) -> float:
    """Derive one bandwidth by Silverman's rule, from all values of all seeds as one sample.

    .9 min(standard deviation (ddof 1), interquartile range / 1.3489795) n^(-1/5), Silverman 1986, "Density estimation
    for statistics and data analysis", equation 3.31; n is the number of values, seeds times latent size.

    Parameters
    ----------
    seeds : ndarray, (seed, latent)

    Raises
    ------
    GenerationError
        If it is 0: half of the values or more are the same.
    """
    values = np.asarray(seeds, np.float64).ravel()
    if values.size < 2:
        raise GenerationError("Silverman's rule needs two latent values at least. Give the bandwidth as a number.")
    low, high = np.percentile(values, (25, 75))
    bandwidth = 0.9 * min(values.std(ddof=1), (high - low) / NORMAL_IQR) * values.size**-0.2
    if not bandwidth > 0:
        raise GenerationError(
            f"Silverman's rule gives a bandwidth of 0: half of the {values.size} latent values or more are the same. "
            "Give the bandwidth as a number."
        )
    return float(bandwidth)


def cross_validated_bandwidth(seeds: np.ndarray, bandwidths: np.ndarray = BANDWIDTHS, folds: int = FOLDS) -> float:
    """Choose the bandwidth under which seeds that were left out are most likely.

    The same choice as scikit-learn's ``GridSearchCV(KernelDensity(), {"bandwidth": bandwidths}, cv=folds)``, but each
    distance is computed once instead of once for each bandwidth, and kernels that cannot count are left out.

    Parameters
    ----------
    seeds : ndarray, (seed, latent)
    bandwidths : ndarray, (bandwidth,)
        To choose from, in units of the latent codes. Where the best is the first or the last of them, the grid does not
        fit the scale of the codes.
    folds : int

    Raises
    ------
    GenerationError
        If there are fewer seeds than folds.
    """
    seeds, bandwidths = np.asarray(seeds, np.float64), np.asarray(bandwidths, np.float64)
    if len(seeds) < folds:
        raise GenerationError(
            f"Cross-validation in {folds} folds needs {folds} seeds at least, there are {len(seeds)}. "
            "Give the bandwidth as a number, or take silverman."
        )
    scores = np.zeros(len(bandwidths))
    for left_out in np.array_split(np.arange(len(seeds)), folds):
        others = np.delete(seeds, left_out, axis=0)
        constants = np.log(len(others)) + seeds.shape[1] * np.log(bandwidths * np.sqrt(2 * np.pi))
        for squares in _squared_distances(seeds[left_out], others):
            scores += _log_sums(squares, bandwidths) - len(squares) * constants
    return float(bandwidths[np.argmax(scores)])


def _log_sums(squares: np.ndarray, bandwidths: np.ndarray) -> np.ndarray:
    """Sum over the rows the logarithm of a row's sum of kernels, for each bandwidth."""
    nearest = squares.min(axis=1)
    beyond = squares - nearest[:, None]
    near = beyond < 2 * NEGLIGIBLE * bandwidths.max() ** 2
    beyond, starts = beyond[near], np.concatenate([[0], near.sum(axis=1).cumsum()[:-1]])
    return np.array(
        [
            np.log(np.add.reduceat(np.exp(beyond / (-2 * width**2)), starts)).sum() - nearest.sum() / (2 * width**2)
            for width in bandwidths
        ]
    )


def _squared_distances(codes: np.ndarray, seeds: np.ndarray) -> Iterator[np.ndarray]:
    """Compute squared Euclidean distances, (code, seed), some codes at a time."""
    from scipy.spatial.distance import cdist

    step = max(1, BLOCK // len(seeds))
    for first in range(0, len(codes), step):
        yield cdist(codes[first : first + step], seeds, "sqeuclidean")
