"""Shuffles of any length of which each position can be computed alone, in constant memory.

A Feistel network permutes the numbers below a power of 4; where it leads out of the range it is applied again until it
leads back in (Black and Rogaway 2002, "Ciphers with arbitrary finite domains": cycle walking). Its round function is
splitmix64's mixer.
"""

import numpy as np

ROUNDS = 8
DRAWN_WHOLE = 4096
"""Up to so many items the whole order is drawn: it costs no more, and a small network knows few permutations."""


def permuted(positions: np.ndarray, count: int, key: np.random.Generator) -> np.ndarray:
    """Tell which of `count` items stand at some positions of a shuffled order.

    Parameters
    ----------
    positions : ndarray, (position,), int64
        Each at least 0 and less than `count`.
    count : int
    key : Generator
        The order is drawn from it; generators in the same state give the same.

    Returns
    -------
    ndarray, (position,), int64
    """
    if count <= DRAWN_WHOLE:
        return key.permutation(count)[positions]
    keys = key.integers(0, 2**63, ROUNDS, dtype=np.uint64)
    bits = np.uint64(((count - 1).bit_length() + 1) // 2)
    items = _network(positions.astype(np.uint64), bits, keys)
    while len(outside := np.flatnonzero(items >= count)):
        items[outside] = _network(items[outside], bits, keys)
    return items.astype(np.int64)


def _network(numbers: np.ndarray, bits: np.uint64, keys: np.ndarray) -> np.ndarray:
    mask = (np.uint64(1) << bits) - np.uint64(1)
    left, right = numbers >> bits, numbers & mask
    for key in keys:
        left, right = right, left ^ (_mixed(right + key) & mask)
    return (left << bits) | right


def _mixed(numbers: np.ndarray) -> np.ndarray:
    numbers = (numbers ^ (numbers >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    numbers = (numbers ^ (numbers >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return numbers ^ (numbers >> np.uint64(31))
