"""What was generated, and how: the record of a bundle and of each of its rounds."""

from dataclasses import dataclass

import numpy as np

from tractography.generating.anatomy import FILTERS


@dataclass(frozen=True, slots=True)
class Round:
    """What became of the latent codes of a round.

    Attributes
    ----------
    number : int
        From 1.
    drawn, accepted, decoded, kept : int
        Latent codes drawn; those accepted; those decoded, fewer in a last round where there are enough; streamlines
        that passed all filters.
    removed : dict
        Filter -> streamlines that it removed.
    """

    number: int
    drawn: int
    accepted: int
    decoded: int
    kept: int
    removed: dict[str, int]


@dataclass(frozen=True, slots=True, eq=False)
class Generated:
    """Streamlines generated from seeds, and how.

    Attributes
    ----------
    bundle : str
    streamlines : ndarray, (streamline, point, coordinate), float32, RAS+ mm
    latent_codes : ndarray, (streamline, latent), float32
        What they were decoded from.
    round_numbers : ndarray, (streamline,), int32
        The round in which each was drawn.
    rounds : tuple of Round
    bandwidth : float
    components : int
        Of the proposal; 0 in the plain mode.
    log_scale : float
        Natural logarithm of M; NaN in the plain mode.
    seed_count : int
    notes : tuple of str
        What a user should know of the choices that were made.
    """

    bundle: str
    streamlines: np.ndarray
    latent_codes: np.ndarray
    round_numbers: np.ndarray
    rounds: tuple[Round, ...]
    bandwidth: float
    components: int
    log_scale: float
    seed_count: int
    notes: tuple[str, ...] = ()

    @property
    def drawn(self) -> int:
        """Latent codes drawn in all."""
        return sum(held.drawn for held in self.rounds)

    @property
    def accepted(self) -> int:
        """Latent codes accepted in all."""
        return sum(held.accepted for held in self.rounds)

    @property
    def decoded(self) -> int:
        """Latent codes decoded in all."""
        return sum(held.decoded for held in self.rounds)

    @property
    def kept(self) -> int:
        """Streamlines that passed all filters; more than there are, where more were generated than wanted."""
        return sum(held.kept for held in self.rounds)

    @property
    def acceptance_rate(self) -> float:
        """Share of the latent codes drawn that were accepted; 1 in the plain mode."""
        return self.accepted / max(self.drawn, 1)

    @property
    def removed(self) -> dict[str, int]:
        """Filter -> streamlines that it removed in all."""
        return {name: sum(held.removed[name] for held in self.rounds) for name in FILTERS}
