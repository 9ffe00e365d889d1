"""The port's values against the reference's: scatter plots, and curves of points in three projections."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from porting.reports.pictures import (
    Label,
    LinearAxis,
    Picture,
    Stroke,
    compact,
    limits,
    path_of_dots,
    path_through,
    round_step,
)
from porting.wording import counted

DOTS = 2000
"""Values in one scatter plot."""

CURVE_POINTS = 96
"""Points of one curve."""

PROJECTIONS = (("x", "y"), ("x", "z"), ("y", "z"))
"""Horizontal and vertical coordinate of each view."""

_SIDE, _LEFT, _FOOT, _TOP = 300.0, 64.0, 40.0, 12.0
_MARGIN = 10.0
_STYLES = ("curve input", "curve reference", "curve port")


@dataclass(frozen=True, slots=True)
class Values:
    """Finite values of both models, value by value.

    Attributes
    ----------
    reference, port : ndarray, (value,)
    count : int
        Values compared, drawn or not.
    lost : int
        Values that are not finite in one of the models.
    """

    reference: np.ndarray
    port: np.ndarray
    count: int
    lost: int

    @property
    def differences(self) -> np.ndarray:
        """Port less reference."""
        return self.port - self.reference

    @property
    def greatest(self) -> float:
        """Greatest absolute difference."""
        return float(np.abs(self.differences).max(initial=0.0))

    def thinned(self) -> "Values":
        """Evenly chosen values, few enough to draw, with the one that differs most."""
        chosen = np.arange(0, self.reference.size, -(-self.reference.size // DOTS) or 1)
        if self.reference.size:
            chosen = np.union1d(chosen, np.abs(self.differences).argmax())
        return Values(self.reference[chosen], self.port[chosen], self.count, self.lost)


def pair_values(reference: np.ndarray, port: np.ndarray) -> Values:
    """Flatten two arrays of one shape in float64, without what is not finite."""
    ours, theirs = (np.ravel(array).astype(np.float64) for array in (reference, port))
    finite = np.isfinite(ours) & np.isfinite(theirs)
    return Values(ours[finite], theirs[finite], ours.size, int(ours.size - finite.sum()))


def draw_agreement(name: str, values: Values) -> Picture:
    """The port's values over the reference's, with the diagonal on which they agree."""
    low, high = limits(np.concatenate([values.reference, values.port]))
    across = LinearAxis(low, high, _LEFT, _LEFT + _SIDE)
    up = LinearAxis(low, high, _TOP + _SIDE, _TOP)
    diagonal = path_through([(across.at(low), up.at(low)), (across.at(high), up.at(high))])
    description = f"Greatest difference {values.greatest:.1e} over {counted(values.count, 'value')}."
    title = f"{name}: port against reference"
    return _scatter(title, description, across, up, values.thinned(), "port", Stroke(diagonal, "limit even"))


def draw_differences(name: str, values: Values) -> Picture:
    """What is left of the port's values after the reference's are taken off, magnified."""
    across = LinearAxis(*limits(values.reference), _LEFT, _LEFT + _SIDE)
    reach = 1.1 * values.greatest or 1.0
    up = LinearAxis(-reach, reach, _TOP + _SIDE, _TOP)
    level = path_through([(across.start, up.at(0)), (across.end, up.at(0))])
    description = f"Differences up to {values.greatest:.1e}."
    title = f"{name}: port less reference"
    return _scatter(
        title, description, across, up, values.thinned(), "port less reference", Stroke(level, "limit even")
    )


def _scatter(
    title: str, description: str, across: LinearAxis, up: LinearAxis, values: Values, upward: str, guide: Stroke
) -> Picture:
    heights = values.port if upward == "port" else values.differences
    points = [(across.at(x), up.at(y)) for x, y in zip(values.reference, heights, strict=True)]
    middle = _LEFT + _SIDE / 2
    labels = (
        *_tick_labels(across, up),
        Label(middle, _TOP + _SIDE + 34, "reference, float64", "middle"),
        Label(_LEFT, _TOP - 2, f"{upward}, float32", "start"),
    )
    strokes = (*_grid(across, up), guide, Stroke(path_of_dots(points), "dots"))
    return Picture(title, description, _LEFT + _SIDE + 12, _TOP + _SIDE + _FOOT, strokes, (), labels)


def _grid(across: LinearAxis, up: LinearAxis) -> Iterator[Stroke]:
    for value, _ in across.ticks():
        yield Stroke(f"M{compact(across.at(value))} {compact(up.start)}V{compact(up.end)}", "grid")
    for value, _ in up.ticks():
        yield Stroke(f"M{compact(across.start)} {compact(up.at(value))}H{compact(across.end)}", "grid")


def _tick_labels(across: LinearAxis, up: LinearAxis) -> Iterator[Label]:
    for value, text in across.ticks():
        yield Label(across.at(value), up.start + 17, text, "middle")
    for value, text in up.ticks():
        yield Label(across.start - 8, up.at(value) + 4, text, "end")


def are_curves(array: np.ndarray) -> bool:
    """Whether an array holds points in space: (sample, point, coordinate) with three coordinates."""
    return array.ndim == 3 and array.shape[-1] == 3 and array.shape[1] > 1


def draw_projections(
    name: str, curves: tuple[np.ndarray | None, np.ndarray, np.ndarray], unit: str, side: float
) -> tuple[Picture, ...]:
    """Curves of the input, the reference and the port, each (sample, point, coordinate), seen along each coordinate.

    One scale for all coordinates and all views, each `side` wide and high.
    """
    shown = [(style, thin_curves(array)) for style, array in zip(_STYLES, curves, strict=True) if array is not None]
    points = np.concatenate([array.reshape(-1, 3) for _, array in shown])
    bounds = [limits(points[:, coordinate]) for coordinate in range(3)]
    reach = max(high - low for low, high in bounds) / 2
    centres = [(low + high) / 2 for low, high in bounds]
    return tuple(_view(name, shown, axes, centres, reach, unit, side) for axes in PROJECTIONS)


def thin_curves(curves: np.ndarray) -> np.ndarray:
    """Keep evenly chosen points of each curve, both ends among them."""
    count = min(CURVE_POINTS, curves.shape[1])
    return curves[:, np.linspace(0, curves.shape[1] - 1, count).round().astype(int)].astype(np.float64)


def _view(
    name: str,
    shown: list[tuple[str, np.ndarray]],
    axes: tuple[str, str],
    centres: list[float],
    reach: float,
    unit: str,
    side: float,
) -> Picture:
    columns = ["xyz".index(axis) for axis in axes]
    low, high = _MARGIN, side - _MARGIN
    scales = [
        LinearAxis(centres[column] - reach, centres[column] + reach, *ends)
        for column, ends in zip(columns, ((low, high), (high, low)), strict=True)
    ]
    strokes = [
        Stroke("".join(_outline(curve[:, columns], scales) for curve in curves), style) for style, curves in shown
    ]
    bar = round_step(2 * reach)
    length = bar * (high - low) / (2 * reach)
    strokes.append(Stroke(f"M{compact(high - length)} {side - 5:g}h{compact(length)}", "scale"))
    labels = (
        Label(_MARGIN - 3, 16, " - ".join(axes), "start"),
        Label(high, side - 9, f"{bar:g} {unit}".strip(), "end"),
    )
    description = "Port over reference, and the input faint where it has the same shape; one scale for all views."
    return Picture(f"{name}: {axes[0]}-{axes[1]} view", description, side, side, tuple(strokes), (), labels)


def _outline(curve: np.ndarray, scales: list[LinearAxis]) -> str:
    return path_through([(scales[0].at(x), scales[1].at(y)) for x, y in curve.tolist()])
