"""Generate streamlines of a bundle (GESTA): from seeds by rounds of drawing, decoding and filtering.

Legarreta et al. 2023, doi 10.1016/j.media.2023.102761. Every bundle and every round draws its own numbers: its
generator is keyed by the seed, the bundle's name and the round.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

import numpy as np

from tractography.errors import GenerationError
from tractography.generating.anatomy import FILTERS, Anatomy, Plausible, keep_plausible
from tractography.generating.densities import BANDWIDTHS, LatentDensity, check_bandwidth
from tractography.generating.generated import Generated, Round
from tractography.generating.rejection import COMPONENTS, RejectionSampler, build_sampler, check_choices
from tractography.generating.seeds import generator_for

MODES = ("plain", "rejection")
DRAWS = {"plain": 1000, "rejection": 20_000}
"""Latent codes drawn in a round."""

MAX_SAMPLED = {"plain": 100_000, "rejection": 10_000_000}

FEWEST_DECODED, MOST_DECODED = 256, 4096
"""Latent codes that are decoded at once, as many as streamlines are missing between the two."""

Decode = Callable[[np.ndarray], np.ndarray]
"""(code, latent), float32 -> (streamline, point, coordinate) in RAS+ mm."""


@dataclass(frozen=True, slots=True)
class Settings:
    """How streamlines are generated.

    Attributes
    ----------
    number : int
        Streamlines wanted.
    mode : str
        ``plain``: drawn from the density; ``rejection``: drawn from a proposal and accepted by the density. With M as
        the maximum both draw from the same density; rejection costs M draws for each.
    bandwidth : float or str
        In units of the latent codes; or ``silverman`` or ``cross-validated``.
    proposal, components, scale
        Of rejection: as `tractography.generating.rejection.build_sampler` takes them.
    draws : int, optional
        Latent codes drawn in a round, accepted or not; `DRAWS` if not given.
    max_sampled : int, optional
        Latent codes drawn in all, accepted or not; `MAX_SAMPLED` if not given.
    seed : int

    Raises
    ------
    GenerationError
        If a number is too small, or a choice unknown.
    """

    number: int
    mode: str = "plain"
    bandwidth: float | str = "silverman"
    proposal: str = "mixture"
    components: int | str = COMPONENTS
    scale: str = "maximum"
    draws: int | None = None
    max_sampled: int | None = None
    seed: int = 0

    @property
    def draws_per_round(self) -> int:
        """Latent codes drawn in a round, given or not."""
        return self.draws or DRAWS[self.mode]

    @property
    def most_draws(self) -> int:
        """Latent codes drawn in all at most, given or not."""
        return self.max_sampled or MAX_SAMPLED[self.mode]

    def __post_init__(self) -> None:
        if self.mode not in MODES:
            raise GenerationError(f"The mode is {self.mode!r}, it must be one of {', '.join(MODES)}.")
        check_bandwidth(self.bandwidth)
        check_choices(self.proposal, self.components, self.scale)
        least = {"number": 1, "draws": 1, "max_sampled": 1, "seed": 0}
        for name, low in least.items():
            value = getattr(self, name)
            if value is not None and value < low:
                raise GenerationError(f"{name} is {value}, it must be at least {low}.")


class Sampler(Protocol):
    """What latent codes are drawn from: a density, or a proposal of which some are accepted."""

    def draw(self, count: int, generator: np.random.Generator) -> np.ndarray:
        """Draw `count`, and give those accepted, (code, latent)."""
        ...


def generate(
    bundle: str,
    density: LatentDensity,
    decode: Decode,
    anatomy: Anatomy,
    settings: Settings,
    on_round: Callable[[Round], None] = lambda _: None,
) -> Generated:
    """Generate streamlines until as many as wanted have passed all filters, or the greatest number was drawn.

    Parameters
    ----------
    bundle : str
        Its name, by which it draws its own numbers.
    density : LatentDensity
        Of the seeds that `choose_seeds` gives, with the settings' bandwidth.
    decode : callable
        (code, latent), float32 -> (streamline, point, coordinate) in RAS+ mm; of no code, too.
    anatomy : Anatomy
    settings : Settings
    on_round : callable
        Told of each round at its end.

    Returns
    -------
    Generated
        The first of those that passed, where there are more than wanted; fewer, where the draws ended before.

    Raises
    ------
    GenerationError
        If the seeds make no proposal.
    """
    sampler = _build(density, bundle, settings)
    draws, most = settings.draws_per_round, settings.most_draws
    rounds: list[Round] = []
    parts: list[tuple[Plausible, np.ndarray]] = []
    for number, first in enumerate(range(0, most, draws), start=1):
        drawn = min(draws, most - first)
        codes = sampler.draw(drawn, generator_for(settings.seed, bundle, number)).astype(np.float32)
        missing = settings.number - sum(past.kept for past in rounds)
        found = _decode_until(missing, codes, decode, anatomy)
        parts += found
        rounds.append(_count(number, drawn, len(codes), [kept for kept, _ in found]))
        on_round(rounds[-1])
        if rounds[-1].kept >= missing:
            break
    return _as_generated(bundle, settings, density, sampler, tuple(rounds), parts)


def _decode_until(
    missing: int, codes: np.ndarray, decode: Decode, anatomy: Anatomy
) -> list[tuple[Plausible, np.ndarray]]:
    """Decode and filter some codes at a time, until as many as are missing have passed."""
    step = min(max(missing, FEWEST_DECODED), MOST_DECODED)
    parts = []
    for first in range(0, max(len(codes), 1), step):
        block = codes[first : first + step]
        kept = keep_plausible(decode(block), anatomy)
        parts.append((kept, block[kept.rows]))
        missing -= len(kept.rows)
        if missing <= 0:
            break
    return parts


def _count(number: int, drawn: int, accepted: int, parts: list[Plausible]) -> Round:
    removed = {name: sum(kept.removed[name] for kept in parts) for name in FILTERS}
    passed = sum(len(kept.rows) for kept in parts)
    return Round(number, drawn, accepted, passed + sum(removed.values()), passed, removed)


def _build(density: LatentDensity, bundle: str, settings: Settings) -> Sampler:
    if settings.mode == "plain":
        return density
    choices = {"proposal": settings.proposal, "components": settings.components, "scale": settings.scale}
    return build_sampler(density, generator_for(settings.seed, bundle, 0, 1), **choices)


def _as_generated(
    bundle: str,
    settings: Settings,
    density: LatentDensity,
    sampler: Sampler,
    rounds: tuple[Round, ...],
    parts: list[tuple[Plausible, np.ndarray]],
) -> Generated:
    numbers = np.repeat([past.number for past in rounds], [past.kept for past in rounds]).astype(np.int32)
    first = slice(settings.number)
    is_rejection = isinstance(sampler, RejectionSampler)
    return Generated(
        bundle,
        np.concatenate([kept.streamlines for kept, _ in parts])[first],
        np.concatenate([codes for _, codes in parts])[first],
        numbers[first],
        rounds,
        density.bandwidth,
        len(sampler.proposal.weights) if is_rejection else 0,
        sampler.log_scale if is_rejection else float("nan"),
        len(density.seeds),
        _notes(settings, density, sampler, rounds),
    )


def _notes(settings: Settings, density: LatentDensity, sampler: Sampler, rounds: tuple[Round, ...]) -> tuple[str, ...]:
    notes = list(sampler.notes) if isinstance(sampler, RejectionSampler) else []
    if settings.bandwidth == "cross-validated" and density.bandwidth in (BANDWIDTHS[0], BANDWIDTHS[-1]):
        end = "first" if density.bandwidth == BANDWIDTHS[0] else "last"
        notes.append(
            f"cross-validation chose the {end} bandwidth of its grid, {density.bandwidth:.3g}: "
            "the grid does not fit the scale of these latent codes"
        )
    if (kept := sum(past.kept for past in rounds)) < settings.number:
        drawn = sum(past.drawn for past in rounds)
        notes.append(f"{kept:,} of {settings.number:,} streamlines after {drawn:,} draws, the most allowed")
    return tuple(notes)
