"""Which streamlines make a batch: a pure function of seed and step.

Drawn with Philox, a counter-based generator, keyed by the two; so that a batch is the same whoever draws it, in
whatever order, by however many workers, and a run goes on in mid-epoch where it stopped.
"""

from dataclasses import dataclass
from typing import Protocol

import numpy as np

from tractography.batches.indexes import SplitIndex
from tractography.batches.permutations import permuted


@dataclass(frozen=True, slots=True)
class Draw:
    """What a batch consists of.

    Attributes
    ----------
    rows : ndarray, (streamline,), int64
        Rows of the split.
    flips : ndarray, (streamline,), bool
        Whether the streamline's points are in reversed order.
    """

    rows: np.ndarray
    flips: np.ndarray


class Sampling(Protocol):
    """A way to draw batches."""

    def steps(self, split: SplitIndex) -> int | None:
        """Batches until every streamline was there once; None where drawing has no end."""
        ...

    def problems(self, split: SplitIndex) -> list[str]:
        """Say why batches cannot be drawn so from a split; nothing if they can."""
        ...

    def draw(self, split: SplitIndex, seed: int, step: int) -> Draw:
        """Draw the batch of a step, counted from 0 over all epochs."""
        ...


def _generator(seed: int, number: int) -> np.random.Generator:
    return np.random.Generator(np.random.Philox(key=np.array([seed, number], np.uint64)))


def _below(bounds: np.ndarray | int, count: int, generator: np.random.Generator) -> np.ndarray:
    """Draw whole numbers, each uniformly from 0 to less than its bound."""
    return (generator.random(count) * bounds).astype(np.int64)  # the greatest double below 1 stays below its bound


def _other(drawn: np.ndarray, bounds: np.ndarray | int, generator: np.random.Generator) -> np.ndarray:
    """Draw again, each uniformly from what is left without the number drawn before."""
    others = _below(bounds - 1, len(drawn), generator)
    return others + (others >= drawn)


def _flips(count: int, share: float, generator: np.random.Generator) -> np.ndarray:
    return generator.random(count) < share


def _check(**sizes: float) -> None:
    for name, size in sizes.items():
        if name == "flip" and not 0 <= size <= 1:
            raise ValueError(f"flip is {size}, must be a probability from 0 to 1")
        if name != "flip" and size < 1:
            raise ValueError(f"{name} is {size}, must be at least 1")


@dataclass(frozen=True, slots=True)
class Ordered:
    """Every streamline once, in the file's order.

    Attributes
    ----------
    batch_size : int
        Streamlines per batch; the last of an epoch may have fewer.
    """

    batch_size: int = 1000

    def __post_init__(self) -> None:
        _check(batch_size=self.batch_size)

    def steps(self, split: SplitIndex) -> int:
        """Batches until every streamline was there once."""
        return -(-split.total // self.batch_size)

    def problems(self, split: SplitIndex) -> list[str]:
        """Nothing: any split can be read in order."""
        return []

    def draw(self, split: SplitIndex, seed: int, step: int) -> Draw:
        """Take the rows of a step."""
        first = step % self.steps(split) * self.batch_size
        rows = np.arange(first, min(first + self.batch_size, split.total))
        return Draw(rows, np.zeros(len(rows), bool))


@dataclass(frozen=True, slots=True)
class Shuffled:
    """Every streamline once an epoch, each epoch in an order of its own.

    Attributes
    ----------
    batch_size : int
        Streamlines per batch; the last of an epoch may have fewer.
    flip : float
        Probability that a streamline's points are in reversed order.
    """

    batch_size: int = 1000
    flip: float = 0.0

    def __post_init__(self) -> None:
        _check(batch_size=self.batch_size, flip=self.flip)

    def steps(self, split: SplitIndex) -> int:
        """Batches until every streamline was there once."""
        return -(-split.total // self.batch_size)

    def problems(self, split: SplitIndex) -> list[str]:
        """Nothing: any split can be shuffled."""
        return []

    def draw(self, split: SplitIndex, seed: int, step: int) -> Draw:
        """Take the rows of a step from its epoch's order."""
        epoch, number = divmod(step, self.steps(split))
        first = number * self.batch_size
        positions = np.arange(first, min(first + self.batch_size, split.total))
        rows = permuted(positions, split.total, _generator(seed, 2 * epoch + 1))
        return Draw(rows, _flips(len(rows), self.flip, _generator(seed, 2 * step)))


@dataclass(frozen=True, slots=True)
class Balanced:
    """A class drawn uniformly, then a streamline uniformly in it; with repetition.

    Attributes
    ----------
    batch_size : int
    flip : float
        Probability that a streamline's points are in reversed order.
    """

    batch_size: int = 1000
    flip: float = 0.0

    def __post_init__(self) -> None:
        _check(batch_size=self.batch_size, flip=self.flip)

    def steps(self, split: SplitIndex) -> None:
        """None: drawing has no end."""

    def problems(self, split: SplitIndex) -> list[str]:
        """Nothing: one class is enough."""
        return []

    def draw(self, split: SplitIndex, seed: int, step: int) -> Draw:
        """Draw a batch."""
        generator = _generator(seed, step)
        numbers = split.filled[_below(len(split.filled), self.batch_size, generator)]
        rows = split.starts[numbers] + _below(split.sizes[numbers], self.batch_size, generator)
        return Draw(rows, _flips(len(rows), self.flip, generator))


class _OfPairs:
    """What samplings that draw two streamlines of one class, and others of another, have in common."""

    __slots__ = ()

    def steps(self, split: SplitIndex) -> None:
        """None: drawing has no end."""

    def problems(self, split: SplitIndex) -> list[str]:
        """Say which classes have no pair, and whether there is another class."""
        lonely = [split.names[number] for number in np.flatnonzero(split.sizes == 1)]
        findings = [f"class {name} has one streamline, where a pair is drawn from each class" for name in lonely]
        if len(split.filled) < 2:
            findings.append("there is one class only, where a negative is drawn from another")
        return findings


@dataclass(frozen=True, slots=True)
class Contrastive(_OfPairs):
    """Quadruples [pos1 | pos2 | neg1 | neg2], as the original recipe draws them.

    The first pair are two streamlines of one class, the second one streamline each of two classes; classes uniformly,
    then streamlines uniformly in them.

    Attributes
    ----------
    pairs : int
        Positive pairs, and as many negative ones: the batch has four times as many streamlines.
    flip : float
        Probability that a streamline's points are in reversed order.
    """

    pairs: int = 96
    flip: float = 0.5

    def __post_init__(self) -> None:
        _check(pairs=self.pairs, flip=self.flip)

    def draw(self, split: SplitIndex, seed: int, step: int) -> Draw:
        """Draw a batch."""
        generator = _generator(seed, step)
        positives = _draw_pairs(split, self.pairs, generator)
        drawn = _below(len(split.filled), self.pairs, generator)
        classes = [split.filled[numbers] for numbers in (drawn, _other(drawn, len(split.filled), generator))]
        negatives = [split.starts[of] + _below(split.sizes[of], self.pairs, generator) for of in classes]
        rows = np.concatenate([*positives, *negatives])
        return Draw(rows, _flips(len(rows), self.flip, generator))


@dataclass(frozen=True, slots=True)
class Triplet(_OfPairs):
    """Triplets [anchor | positive | negative]: two streamlines of one class and one of another.

    Attributes
    ----------
    triplets : int
        The batch has three times as many streamlines.
    flip : float
        Probability that a streamline's points are in reversed order.
    """

    triplets: int = 128
    flip: float = 0.5

    def __post_init__(self) -> None:
        _check(triplets=self.triplets, flip=self.flip)

    def draw(self, split: SplitIndex, seed: int, step: int) -> Draw:
        """Draw a batch."""
        generator = _generator(seed, step)
        anchors, positives = _draw_pairs(split, self.triplets, generator)
        drawn = np.searchsorted(split.filled, split.classes(anchors))
        others = split.filled[_other(drawn, len(split.filled), generator)]
        negatives = split.starts[others] + _below(split.sizes[others], self.triplets, generator)
        rows = np.concatenate([anchors, positives, negatives])
        return Draw(rows, _flips(len(rows), self.flip, generator))


def _draw_pairs(split: SplitIndex, count: int, generator: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """Two different streamlines of one class, `count` times."""
    numbers = split.filled[_below(len(split.filled), count, generator)]
    sizes, starts = split.sizes[numbers], split.starts[numbers]
    ones = _below(sizes, count, generator)
    return starts + ones, starts + _other(ones, sizes, generator)
