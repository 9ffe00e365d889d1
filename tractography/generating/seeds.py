"""Seeds of generation: latent codes of a subject's and an atlas' bundle, and the random numbers of each bundle."""

import hashlib
from collections.abc import Callable

import numpy as np

from tractography.errors import GenerationError

MAX_SEEDS = 10_000
RATIO = (0.5, 0.5)


def generator_for(seed: int, bundle: str, number: int, part: int = 0) -> np.random.Generator:
    """Give the random numbers of a bundle's round, which no other bundle or round draws.

    Parameters
    ----------
    seed : int
    bundle : str
        Keyed by its SHA-256, which is the same in every process and on every machine.
    number : int
        Of the round from 1; 0 for what precedes the rounds.
    part : int
        Of what precedes them.
    """
    digest = np.frombuffer(hashlib.sha256(bundle.encode()).digest()[:16], "<u4").tolist()
    return np.random.Generator(np.random.PCG64(np.random.SeedSequence(seed, spawn_key=(*digest, number, part))))


def check_ratio(ratio: tuple[float, ...]) -> None:
    """Check that a ratio is two shares that sum to 1.

    Raises
    ------
    GenerationError
        If it is not.
    """
    if len(ratio) != 2 or not (min(ratio) >= 0 and abs(sum(ratio) - 1) < 1e-6):
        raise GenerationError(f"The ratio is {ratio}: subject and atlas must be two shares that sum to 1.")


def choose_seeds(
    subject: int, atlas: int, ratio: tuple[float, float], max_seeds: int, generator: np.random.Generator
) -> np.ndarray:
    """Choose seeds of a subject's and an atlas' bundle by a ratio, as many as it allows.

    Parameters
    ----------
    subject, atlas : int
        Latent codes of each; the atlas' in both orders of the points.
    ratio : tuple of two float
        Shares of the subject and of the atlas, which sum to 1. They are kept: where one side has too few latent codes,
        the other gives fewer.
    max_seeds : int
    generator : Generator

    Returns
    -------
    ndarray, (seed,), int
        Rows of the subject's codes followed by the atlas', chosen without repetition, in an order that is drawn, too.

    Raises
    ------
    GenerationError
        If the ratio is none, or a side that it asks for has no latent codes.
    """
    check_ratio(ratio)
    if max_seeds < 1:
        raise GenerationError(f"At most {max_seeds} seeds leave none; it must be at least 1.")
    for name, share, count in zip(("subject", "atlas"), ratio, (subject, atlas), strict=True):
        if share > 0 and not count:
            raise GenerationError(f"Zero seeds of the {name}, where the ratio {ratio} wants {share:.0%} of them.")
    sides = [rows for share, rows in zip(ratio, _rows(subject, atlas), strict=True) if share > 0]
    total = int(min(max_seeds, *(len(rows) / share for share, rows in zip(filter(None, ratio), sides, strict=True))))
    first = round(total * ratio[0]) if len(sides) == 2 else total
    counts = (first, total - first)
    chosen = [generator.permutation(rows)[:count] for rows, count in zip(sides, counts, strict=False)]
    return generator.permutation(np.concatenate(chosen))


def _rows(subject: int, atlas: int) -> tuple[np.ndarray, np.ndarray]:
    return np.arange(subject), np.arange(subject, subject + atlas)


def encode_both_orders(streamlines: np.ndarray, encode: Callable[[np.ndarray], np.ndarray]) -> np.ndarray:
    """Encode an atlas' streamlines, (streamline, point, coordinate), in both orders of their points; (code, latent)."""
    return np.concatenate([encode(streamlines), encode(np.ascontiguousarray(streamlines[:, ::-1]))])
