"""The inputs that both models see, in the port's axis order."""

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from porting.errors import ProbeError, first_line
from porting.files.array_files import check_array_file
from porting.files.bounds import UNREADABLE
from porting.wording import counted

SEED = 20210126


@dataclass(frozen=True, slots=True)
class Probe:
    """Fixed inputs, and in words where they come from.

    Attributes
    ----------
    arrays : tuple of ndarray
        One per input, (sample, ...), in the port's axis order.
    source : str
    labels : tuple of str
        What each sample is: file, class, row. Numbered if empty.
    repeats : int
        How often each stands there: float32 rounds differently in batches of another size.

    Examples
    --------
    >>> import numpy as np
    >>> from porting import Probe
    >>> streamlines = np.zeros((100, 256, 3), np.float32)
    >>> probe = Probe((streamlines,), "a test", labels=tuple(f"streamline {number}" for number in range(100)))
    >>> len(probe), probe.rows(2).names()
    (100, ('streamline 0', 'streamline 99'))
    """

    arrays: tuple[np.ndarray, ...]
    source: str
    labels: tuple[str, ...] = ()
    repeats: int = 1

    @property
    def samples(self) -> int:
        """Count the samples that differ."""
        return len(self) // self.repeats

    def repeated(self, times: int) -> "Probe":
        """All samples so many times over, one after the other."""
        arrays = tuple(np.concatenate([array] * times) for array in self.arrays)
        return Probe(arrays, self.source, self.labels * times, times)

    def names(self) -> tuple[str, ...]:
        """What each sample is called in reports."""
        return self.labels or tuple(f"sample {number}" for number in range(len(self)))

    def __len__(self) -> int:
        """Count the samples."""
        return next(len(array) for array in self.arrays)

    def rows(self, count: int) -> "Probe":
        """At most `count` samples, spread evenly over the probe."""
        chosen = self.spread(count)
        labels = tuple(self.labels[at] for at in chosen) if self.labels else ()
        return Probe(tuple(array[chosen] for array in self.arrays), self.source, labels)

    def spread(self, count: int) -> np.ndarray:
        """Numbers of at most `count` samples, spread evenly over the probe."""
        return np.unique(np.linspace(0, len(self) - 1, min(count, len(self))).round().astype(int))

    def sha256(self) -> str:
        """Hash of all values."""
        digest = hashlib.sha256()
        for array in self.arrays:
            digest.update(f"{array.dtype.str}{array.shape}".encode())
            digest.update(np.ascontiguousarray(array).data)
        return digest.hexdigest()


def checked(arrays: Sequence[np.ndarray], source: str, labels: Sequence[str] = ()) -> Probe:
    """Make a probe of arrays that both models can be judged on.

    Raises
    ------
    ProbeError
        If there is no sample, the inputs differ in their number of samples, or a value is NaN or infinite.
    """
    counts = {len(array) if array.ndim else 0 for array in arrays}
    if not any(counts):
        raise ProbeError(f"{source} holds no samples.")
    if len(counts) > 1:
        raise ProbeError(f"{source} holds {sorted(counts)} samples for its inputs; each input needs as many.")
    for number, array in enumerate(arrays):
        bad = np.argwhere(~np.isfinite(array))
        if len(bad):
            place = tuple(map(int, bad[0]))
            raise ProbeError(f"{source}, input {number}: {len(bad)} NaN or infinite values, the first at {place}.")
    return Probe(tuple(arrays), source, tuple(labels))


@dataclass(frozen=True, slots=True)
class ProbeBatches:
    """All samples of a file, in the file's order.

    Attributes
    ----------
    total : int
        Number of samples.
    batches : Iterator of Probe
    """

    total: int
    batches: Iterator[Probe]


def read_probe_batches(file: Path, batch_size: int) -> ProbeBatches:
    """Read all samples of a .npy file, mapped, or of a .npz file, which is in memory as a whole.

    Raises
    ------
    ProbeError
        If the file cannot be used; for NaN and infinity when their batch is reached.
    """
    arrays = _read_arrays(file)
    counts = sorted({len(array) for array in arrays})
    if len(counts) > 1:
        raise ProbeError(f"{file} holds {counts} samples for its inputs; each input needs as many.")
    total = counts[0]

    def batches() -> Iterator[Probe]:
        for first in range(0, total, batch_size):
            rows = range(first, min(first + batch_size, total))
            labels = [f"{file.name} row {row}" for row in rows]
            yield checked([np.array(array[rows.start : rows.stop]) for array in arrays], str(file), labels)

    return ProbeBatches(total, batches())


SYNTHETIC = Path("synthetic")
"""What a probe of normal numbers is called where a file may be given."""


def synthetic_probe(probe: Probe) -> Probe:
    """Normal numbers of the mean and the spread of a probe's own; integers in another order."""
    generator = np.random.default_rng(SEED)

    def drawn(array: np.ndarray) -> np.ndarray:
        if array.dtype.kind != "f":
            return generator.permutation(array.ravel()).reshape(array.shape)
        return (array.mean() + array.std() * generator.standard_normal(array.shape)).astype(array.dtype)

    return Probe(tuple(map(drawn, probe.arrays)), f"normal numbers of the scale of {probe.source}, seed {SEED}")


@dataclass(frozen=True, slots=True)
class InputKind:
    """What an input is.

    Attributes
    ----------
    what : str
        "float", "integer", "mask" (ones, and zeros at the end) or "positions".
    below : int
        What integers are below.
    """

    what: str
    below: int = 2


def drawn_inputs(
    input_shapes: Sequence[tuple[int, ...]], count: int, kinds: Sequence[InputKind] = ()
) -> list[np.ndarray]:
    """Normal numbers for each input, or what its kind says."""
    generator = np.random.default_rng(SEED)
    told = kinds or [InputKind("float")] * len(input_shapes)
    return [
        _DRAWN[kind.what](generator, (count, *shape), kind.below)
        for shape, kind in zip(input_shapes, told, strict=True)
    ]


def _normal(generator: np.random.Generator, shape: tuple[int, ...], below: int) -> np.ndarray:
    return generator.standard_normal(shape).astype(np.float32)


def _integers(generator: np.random.Generator, shape: tuple[int, ...], below: int) -> np.ndarray:
    """Numbers below a limit; the first sample ends in a 0, as sentences that are filled up do."""
    drawn = generator.integers(0, below, shape).astype(np.int32)
    if drawn.ndim > 1 and drawn.shape[-1] > 1:
        drawn[:1, ..., -1] = 0
    return drawn


def _mask(generator: np.random.Generator, shape: tuple[int, ...], below: int) -> np.ndarray:
    """Ones along the last axis, and behind at least half of it zeros in every other sample."""
    length = shape[-1]
    kept = generator.integers((length + 1) // 2, length + 1, shape[:1])
    kept[::2] = length
    mask = np.arange(length) < kept.reshape(-1, *[1] * (len(shape) - 1))
    return np.broadcast_to(mask, shape).astype(np.int32)


def _positions(generator: np.random.Generator, shape: tuple[int, ...], below: int) -> np.ndarray:
    return np.broadcast_to(np.arange(shape[-1]), shape).astype(np.int32)


_DRAWN = {"float": _normal, "integer": _integers, "mask": _mask, "positions": _positions}


def read_probe(
    input_shapes: Sequence[tuple[int, ...]], file: Path | None, count: int, kinds: Sequence[InputKind] = ()
) -> Probe:
    """Read a probe from .npy (one input) or .npz (one array an input, in the order saved), or draw normal numbers.

    `kinds` says of each input what is to be drawn in their place, if anything.

    Raises
    ------
    ProbeError
        If the file cannot be used, or there is none and no input shapes are known.
    """
    if file is not None:
        return checked([np.array(array[:count]) for array in _read_arrays(file)], str(file))
    if not input_shapes:
        raise ProbeError("The pair states no input_shapes: give it some, or give a probe file.")
    return checked(
        drawn_inputs(input_shapes, count, kinds), f"{counted(count, 'sample')} of {_words(kinds)}, seed {SEED}"
    )


def _words(kinds: Sequence[InputKind]) -> str:
    """What is drawn, as reports have it."""
    words = {"float": "normal numbers", "mask": "masks", "positions": "positions"}
    told = [words.get(kind.what, f"integers below {kind.below}") for kind in kinds]
    return " and ".join(dict.fromkeys(told)) or words["float"]


def _read_arrays(file: Path) -> list[np.ndarray]:
    try:
        check_array_file(file)
        content = np.load(file, mmap_mode="r" if file.suffix == ".npy" else None)
        arrays = [content] if isinstance(content, np.ndarray) else [content[name] for name in content.files]
    except UNREADABLE as error:
        raise ProbeError(f"{file} is no .npy or .npz file: {first_line(error)}.") from error
    if not arrays or not all(array.ndim and array.dtype.kind in "fiub" for array in arrays):
        raise ProbeError(f"{file} must hold arrays of numbers with one row a sample.")
    return arrays
