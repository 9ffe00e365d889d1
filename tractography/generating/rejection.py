"""Rejection sampling of latent codes: drawn from a proposal, accepted by the density, in log space.

The proposal is a Gaussian mixture, or one normal, fitted to the seeds and widened by the kernels' variance: that is the
covariance which the density itself has around them. It is therefore never singular, however few seeds there are, and it
reaches wherever the density does.
"""

import warnings
from dataclasses import dataclass
from typing import Any

import numpy as np

from tractography.errors import GenerationError
from tractography.generating.densities import LatentDensity

COMPONENTS = 11
MOST_COMPONENTS = 20
"""As many are tried where their number is chosen by a criterion."""

PROPOSALS, CRITERIA = ("mixture", "normal"), ("bic", "silhouette")
SCALES = {"maximum": 100.0, "percentile": 75.0}
"""Which percentile of density / proposal at the seeds is the scale M."""

SCARCE = np.log(10_000.0)
"""Where M is greater, it is noted how few draws are accepted: M is what one accepted draw costs."""

BLOCK = 8192
"""Codes drawn at a time."""


@dataclass(frozen=True, slots=True)
class Proposal:
    """A Gaussian mixture with full covariances.

    Attributes
    ----------
    weights : ndarray, (component,), float64
    means : ndarray, (component, latent), float64
    factors : ndarray, (component, latent, latent), float64
        Lower Cholesky factors of the covariances.
    """

    weights: np.ndarray
    means: np.ndarray
    factors: np.ndarray

    def log_density(self, codes: np.ndarray) -> np.ndarray:
        """Compute the natural logarithm of the mixture's density at (code, latent); (code,), float64."""
        from scipy.special import logsumexp

        inverses = np.linalg.inv(self.factors)
        standard = np.tensordot(codes, inverses, ([1], [2])) - np.einsum("kij,kj->ki", inverses, self.means)
        heights = np.log(self.weights) + np.log(np.diagonal(inverses, axis1=1, axis2=2)).sum(axis=1)
        parts = heights - 0.5 * ((standard**2).sum(axis=2) + self.means.shape[1] * np.log(2 * np.pi))
        return np.asarray(logsumexp(parts, axis=1))

    def draw(self, count: int, generator: np.random.Generator) -> np.ndarray:
        """Draw latent codes, (code, latent), float64."""
        numbers = generator.choice(len(self.weights), size=count, p=self.weights)
        codes = generator.standard_normal((count, self.means.shape[1]))
        for number, (mean, factor) in enumerate(zip(self.means, self.factors, strict=True)):
            rows = numbers == number
            codes[rows] = mean + codes[rows] @ factor.T
        return codes


@dataclass(frozen=True, slots=True)
class RejectionSampler:
    """Draws that follow the density where M times the proposal is not below it.

    Attributes
    ----------
    density : LatentDensity
    proposal : Proposal
    log_scale : float
        Natural logarithm of M.
    notes : tuple of str
        What was done otherwise than wanted, and why.
    """

    density: LatentDensity
    proposal: Proposal
    log_scale: float
    notes: tuple[str, ...] = ()

    def draw(self, count: int, generator: np.random.Generator) -> np.ndarray:
        """Draw `count` codes from the proposal and give those that are accepted, (code, latent), float64.

        A code z is accepted when U(0, M q(z)) <= p(z); the order is that of the draws.
        """
        blocks = [self._draw_block(min(BLOCK, count - first), generator) for first in range(0, count, BLOCK)]
        return np.concatenate([np.empty((0, self.proposal.means.shape[1])), *blocks])

    def _draw_block(self, count: int, generator: np.random.Generator) -> np.ndarray:
        codes = self.proposal.draw(count, generator)
        uniform = np.log1p(-generator.random(count))  # of (0, 1], whose logarithm is finite
        bounds = uniform + self.log_scale + self.proposal.log_density(codes)
        return codes[bounds <= self.density.log_density(codes)]


def build_sampler(
    density: LatentDensity,
    generator: np.random.Generator,
    *,
    proposal: str = "mixture",
    components: int | str = COMPONENTS,
    scale: str = "maximum",
) -> RejectionSampler:
    """Fit a proposal to the density's seeds and scale it.

    Parameters
    ----------
    density : LatentDensity
    generator : Generator
        The mixture starts from numbers drawn of it.
    proposal : str
        ``mixture`` or ``normal``.
    components : int or str
        Of the mixture, 11 as published; or chosen by ``bic`` (the lowest) or ``silhouette`` (the highest) among up to
        20. At most half as many as there are different seeds. More components are nearer to the density and accept
        more; in 32 dimensions ``bic`` chooses 1 for some tens of seeds, which accepts next to nothing.
    scale : str
        M: the ``maximum`` or the 75th ``percentile`` of density / proposal at the seeds. The percentile accepts more
        and cuts the density's peaks.

    Raises
    ------
    GenerationError
        If there are fewer than two different seeds, or a choice is unknown.
    """
    check_choices(proposal, components, scale)
    different = len(np.unique(density.seeds, axis=0))
    if different < 2:
        raise GenerationError(
            f"Rejection sampling needs two different seeds at least, of {len(density.seeds)} there is {different}. "
            "Take the plain mode, or give more streamlines."
        )
    mixture, notes = _fit_mixture(density, 1 if proposal == "normal" else components, different, generator)
    fitted = Proposal(mixture.weights_, mixture.means_, np.linalg.cholesky(mixture.covariances_))
    ratios = density.log_density(density.seeds) - fitted.log_density(density.seeds)
    log_scale = float(np.percentile(ratios, SCALES[scale]))
    if log_scale > SCARCE:
        notes += (
            f"the proposal accepts about 1 draw in {np.exp(log_scale):.0e}: it needs more components, or the density a "
            "larger bandwidth; plain sampling draws from the same density",
        )
    return RejectionSampler(density, fitted, log_scale, notes)


def check_choices(proposal: str, components: int | str, scale: str) -> None:
    """Check what `build_sampler` is to be built by.

    Raises
    ------
    GenerationError
        If a choice is unknown.
    """
    words = {"proposal": (proposal, PROPOSALS), "scale": (scale, SCALES)}
    if isinstance(components, str):
        words["number of components"] = (components, CRITERIA)
    elif components < 1:
        raise GenerationError(f"The number of components is {components}, it must be at least 1.")
    for name, (value, choices) in words.items():
        if value not in choices:
            raise GenerationError(f"The {name} is {value!r}, it must be one of {', '.join(choices)}.")


def _fit_mixture(
    density: LatentDensity, wanted: int | str, different: int, generator: np.random.Generator
) -> tuple[Any, tuple[str, ...]]:
    if isinstance(wanted, int):
        number = min(wanted, different // 2)
        few = f"{number} components instead of {wanted}: {different} different seeds allow no more"
        return _fit(density, number, generator), (few,) if number < wanted else ()
    numbers = range(1, min(MOST_COMPONENTS, different // 2) + 1)
    fitted = [_fit(density, number, generator) for number in numbers]
    score = _bic if wanted == "bic" else _silhouette
    return max(fitted, key=lambda mixture: score(mixture, density.seeds)), ()


def _fit(density: LatentDensity, number: int, generator: np.random.Generator) -> Any:
    from sklearn.exceptions import ConvergenceWarning
    from sklearn.mixture import GaussianMixture
    from threadpoolctl import threadpool_limits

    mixture = GaussianMixture(
        number,
        reg_covar=density.bandwidth**2,
        max_iter=300,
        random_state=int(generator.integers(2**31)),
    )
    with warnings.catch_warnings(), threadpool_limits(1):  # so small a problem waits longer for threads than it takes
        warnings.simplefilter("ignore", ConvergenceWarning)  # what it has come to is a proposal as good as another
        return mixture.fit(density.seeds)


def _bic(mixture: Any, seeds: np.ndarray) -> float:
    return -mixture.bic(seeds)


def _silhouette(mixture: Any, seeds: np.ndarray) -> float:
    """Score how apart the components are, from -1 to 1; less than any where they are not between 2 and the seeds."""
    from sklearn.metrics import silhouette_score

    labels = mixture.predict(seeds)
    return float(silhouette_score(seeds, labels)) if 1 < len(np.unique(labels)) < len(seeds) else -2.0
