"""Pictures as geometry: what to draw where, in what style; the page's template turns them into SVG."""

import math
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np

_APART = 19.0
"""Between the floor of a logarithmic axis and its lowest power, and between the highest and its ceiling."""


@dataclass(frozen=True, slots=True)
class Stroke:
    """A line or an area: `d` as SVG's paths have it, `style` a class of the page's style sheet."""

    d: str
    style: str


@dataclass(frozen=True, slots=True)
class Mark:
    """A sign at one place; `shape` is "circle" or "diamond", `note` what is shown on pointing at it."""

    x: float
    y: float
    shape: str
    style: str
    note: str


@dataclass(frozen=True, slots=True)
class Label:
    """A word in a picture; `style` says how it is set and aligned."""

    x: float
    y: float
    text: str
    style: str


@dataclass(frozen=True, slots=True)
class Picture:
    """One drawing, with the words that stand for it where it cannot be seen."""

    title: str
    description: str
    width: float
    height: float
    strokes: tuple[Stroke, ...] = ()
    marks: tuple[Mark, ...] = ()
    labels: tuple[Label, ...] = ()


@dataclass(frozen=True, slots=True)
class LinearAxis:
    """Values from `low` to `high`, drawn from `start` to `end`."""

    low: float
    high: float
    start: float
    end: float

    def at(self, value: float) -> float:
        """Where a value is drawn."""
        return self.start + (value - self.low) / ((self.high - self.low) or 1.0) * (self.end - self.start)

    def ticks(self) -> Iterator[tuple[float, str]]:
        """Round values, and how each is written."""
        step = round_step(self.high - self.low)
        for number in range(math.ceil(self.low / step), math.floor(self.high / step) + 1):
            yield number * step, f"{number * step:g}"


@dataclass(frozen=True, slots=True)
class LogAxis:
    """Powers of ten from `low` to `high`; zero is drawn at the floor, what is infinite at the ceiling."""

    low: int
    high: int
    floor: float
    ceiling: float

    def at(self, value: float) -> float:
        """Where a value is drawn."""
        if value <= 0:
            return self.floor
        if not math.isfinite(value):
            return self.ceiling
        exponent = min(max(math.log10(value), self.low), self.high)
        lowest, highest = self.floor - _APART, self.ceiling + _APART
        return lowest - (lowest - highest) * (exponent - self.low) / (self.high - self.low)

    def ticks(self) -> Iterator[tuple[float, str]]:
        """Floor, powers of ten, ceiling, and how each is written."""
        step = math.ceil((self.high - self.low) / 9)
        yield 0.0, "0"
        for exponent in range(self.low, self.high + 1, step):
            yield 10.0**exponent, f"1e{exponent}"
        yield math.inf, "∞"


def round_step(extent: float) -> float:
    """1, 2 or 5 times a power of ten: about a quarter of an extent."""
    if not (math.isfinite(extent) and extent > 0):
        return 1.0
    power = 10.0 ** math.floor(math.log10(extent / 4))
    return power * max(factor for factor in (1, 2, 5) if factor * power <= extent / 4 or factor == 1)


def path_through(points: Iterable[Sequence[float]]) -> str:
    """A line through points in the picture; one that is not finite breaks it."""
    words, pen = [], "M"
    for x, y in points:
        if math.isfinite(x) and math.isfinite(y):
            words.append(f"{pen}{compact(x)} {compact(y)}")
            pen = "L"
        else:
            pen = "M"
    return "".join(words)


def path_of_dots(points: Iterable[Sequence[float]]) -> str:
    """A dot at each point: lines without length, which round caps make visible."""
    return "".join(f"M{compact(x)} {compact(y)}h0" for x, y in points)


def compact(value: float) -> str:
    """Write a coordinate to a tenth, without needless digits."""
    return f"{value:.1f}".removesuffix(".0")


def limits(values: np.ndarray) -> tuple[float, float]:
    """Least and greatest finite value with a little room; around zero where there are none."""
    finite = values[np.isfinite(values)]
    low, high = (float(finite.min()), float(finite.max())) if finite.size else (0.0, 0.0)
    room = 0.05 * (high - low) or 0.05 * abs(high) or 1.0
    return low - room, high + room
