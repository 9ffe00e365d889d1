"""What a model draws in training: dropout and its kin, each known by the tensor that it acts on."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from porting.traces import Trace

ALIKE = 1e-9
"""Largest relative difference of two fingerprints of one tensor in float64."""


@dataclass(frozen=True, slots=True)
class Fingerprint:
    """A tensor's values whatever the order of its axes: two layouts of one tensor have one fingerprint.

    Attributes
    ----------
    count : int
    least, greatest, mean, root_mean_square : float
    """

    count: int
    least: float
    greatest: float
    mean: float
    root_mean_square: float

    def is_like(self, other: "Fingerprint") -> bool:
        """Whether both are of one tensor, as float64 rounds it."""
        scale = max(self.root_mean_square, other.root_mean_square)
        return self.count == other.count and bool(np.abs(self._figures() - other._figures()).max() <= ALIKE * scale)

    def holds_like(self, other: "Fingerprint") -> bool:
        """The same, whatever zeros one of them has besides."""
        scale = self.count * max(self.root_mean_square, other.root_mean_square, 1e-300) ** 2
        return bool(np.allclose(self._totals(), other._totals(), rtol=ALIKE, atol=ALIKE * scale**0.5))

    def _totals(self) -> np.ndarray:
        total, squares = self.count * self.mean, self.count * self.root_mean_square**2
        return np.array([min(self.least, 0.0), max(self.greatest, 0.0), total, squares])

    def _figures(self) -> np.ndarray:
        return np.array([self.least, self.greatest, self.mean, self.root_mean_square])


def fingerprint_of(array: np.ndarray) -> Fingerprint:
    """Take the fingerprint of a tensor with at least one value."""
    values = np.asarray(array, np.float64)
    figures = (values.min(), values.max(), values.mean(), np.sqrt(np.mean(np.square(values))))
    return Fingerprint(values.size, *map(float, figures))


FACTOR = 2.0
"""What a dropout multiplies by where it is seen whether it may stand elsewhere: what keeps such factors keeps zeros."""


def arrivals_of(trace: Trace) -> dict[str, Fingerprint]:
    """The fingerprints of what arrives at each layer call, and of each output, where they are numbers with a point."""
    named = [*zip(trace.call_names(), (call.input for call in trace.calls), strict=True)]
    named += [(f"output {number}", output) for number, output in enumerate(trace.outputs)]
    return {name: fingerprint_of(array) for name, array in named if array.dtype.kind == "f" and array.size}


Arrivals = Mapping[str, Fingerprint]


@dataclass(frozen=True, slots=True)
class RandomCall:
    """One execution of a layer that draws numbers in training.

    Attributes
    ----------
    name, kind : str
        The layer's path in its model, and its type.
    drops : str
        What it draws for: "values", "channels", "samples"; "inside" where something inside it draws; empty where
        neither its type nor a run says.
    rate : float or None
        How much it drops, or the spread of what it adds; None where no attribute of it says.
    behind : str
        The layer with weights that ran last before it; empty where none did.
    acts_on : Fingerprint
        Of its input, while the layers before it are taught the same in both models.
    at_once : Fingerprint or None
        Of the input's size (root mean square) along the axes whose values are dropped at once, which says which axes
        those are whatever their order; None where single values or samples are dropped, and where nothing says.
    """

    name: str
    kind: str
    drops: str
    rate: float | None
    behind: str
    acts_on: Fingerprint
    at_once: Fingerprint | None = None

    def described(self) -> str:
        """The layer with its type and rate: ``drop (Dropout, rate 0.5)``."""
        rate = "" if self.rate is None else f", rate {self.rate:g}"
        return f"{self.name or 'the model itself'} ({self.kind}{rate})"


MEASURED_ROWS = 256
"""Samples on which a layer of a type that nobody knows is run to see what it drops."""

INSIDE = "inside"
"""What a module draws for that has layers inside and draws by functions of its own: on what is not known."""


def enough_rows(given: np.ndarray) -> np.ndarray:
    """A tensor with its samples repeated until there are enough to measure what is dropped."""
    times = -(-MEASURED_ROWS // max(len(given), 1)) if given.ndim else 1
    return np.concatenate([given] * times) if given.ndim else given


@dataclass(frozen=True, slots=True)
class Draw:
    """What a layer drops ("" where nothing says), how much, and the axes whose values it drops at once."""

    drops: str = ""
    rate: float | None = None
    axes: tuple[int, ...] = ()

    def at(self, name: str, kind: str, behind: str, given: np.ndarray) -> RandomCall:
        """The call of a layer that draws so for a tensor."""
        sizes = np.sqrt(np.mean(np.square(given, dtype=np.float64), self.axes))
        at_once = fingerprint_of(sizes) if self.drops == "channels" and self.axes else None
        return RandomCall(name, kind, self.drops, self.rate, behind, fingerprint_of(given), at_once)


def measured(given: np.ndarray, returned: np.ndarray) -> Draw:
    """What a layer drops, and how much by the factor of what it keeps, as a run shows; nothing where none does.

    Examples
    --------
    >>> dropped = np.array([[2.0, 2.0], [0.0, 0.0]])
    >>> measured(np.ones((2, 2)), dropped)
    Draw(drops='samples', rate=0.5, axes=(1,))
    """
    if given.shape != returned.shape or given.ndim < 2 or not given.any():
        return Draw()
    gone, kept = (given != 0) & (returned == 0), (given != 0) & (returned != 0)
    factors = returned[kept] / given[kept]
    if not gone.any() or not kept.any() or not np.allclose(factors, factors[0], rtol=1e-6, atol=0):
        return Draw()
    rate = float(1 - 1 / factors[0]) if factors[0] > 1 else None
    own = {axis for axis in range(1, given.ndim) if given.shape[axis] > 1}
    varying = {axis for axis in own if (gone.any(axis) & kept.any(axis)).any()}
    if not own or (varying == own and len(own) < given.ndim - 1):
        return Draw(rate=rate)
    drops = "samples" if not varying else "values" if varying == own else "channels"
    return Draw(drops, rate, tuple(sorted(own - varying)))


def rate_of(layer: Any) -> float | None:
    """The rate of a layer that draws, by the attributes that such layers are known to have; None where it has none."""
    for name in ("p", "rate", "drop_prob", "drop_rate", "drop_path", "stddev", "std", "sigma"):
        value = getattr(layer, name, None)
        if isinstance(value, (int, float)) and not isinstance(value, bool):
            return float(value)
    return None
