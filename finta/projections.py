"""Streamlines in three projections: rows of pictures with one scale for all that are compared."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from finta.colours import SOFT, plain

if TYPE_CHECKING:
    from matplotlib.figure import Figure, SubFigure

PLANES = (("x", "y", "from above"), ("x", "z", "from behind"), ("y", "z", "from the right"))
WAYS = {"x": "x (mm), left to right", "y": "y (mm), back to front", "z": "z (mm), bottom to top"}
DRAWN = 2000
"""Streamlines drawn at most in one row."""

_WIDTH = 12.0
_SLIMMEST = 0.4
"""What a picture is wide or high at least, as a share of the longest extent, lest it be a slit."""


@dataclass(frozen=True, slots=True)
class Row:
    """What one row of three pictures shows.

    Attributes
    ----------
    title : str
    streamlines : sequence of ndarray, (point, coordinate), RAS+ mm
        With two points or more each, in the order in which they are drawn.
    colours : ndarray, (streamline, red green blue)
    """

    title: str
    streamlines: Sequence[np.ndarray]
    colours: np.ndarray


def choose(count: int, limit: int) -> np.ndarray:
    """Numbers of some of `count` things, at random in any order but always the same."""
    return np.random.default_rng(count).permutation(count)[:limit]


def choose_streamlines(streamlines: Sequence[np.ndarray], limit: int = DRAWN) -> list[np.ndarray]:
    """Choose streamlines to draw, at random but always the same; what has no two finite points leaves no line."""
    chosen = (np.asarray(streamlines[number]) for number in choose(len(streamlines), limit))
    finite = (streamline[np.isfinite(streamline).all(axis=1)] for streamline in chosen)
    return [streamline for streamline in finite if len(streamline) > 1]


def count_drawn(name: str, count: int, drawn: int) -> str:
    """Say of how many things how many are drawn."""
    if count == drawn:
        return f"{name}: {count:,}"
    return f"{name}: {count:,}, of which {drawn:,} drawn at random"


def draw_rows(rows: Sequence[Row], key: Mapping[str, Any]) -> "Figure":
    """Draw rows of streamlines in three projections, all in the same limits, above a key of names and colours."""
    from matplotlib.figure import Figure

    low, high = _limits([streamline for row in rows for streamline in row.streamlines])
    extents = dict(zip("xyz", high - low, strict=True))
    shapes = [extents[across] / extents[up] for across, up, _ in PLANES]
    heights = [(_WIDTH - 2.4) / sum(shapes) + 0.9] * len(rows)
    columns = min(len(key), 5)
    heights += [0.35 if len(key) <= columns else 0.3 + 0.13 * -(-len(key) // columns)] if key else []
    figure = Figure(figsize=(_WIDTH, sum(heights)), layout="constrained")
    parts = figure.subfigures(len(heights), 1, squeeze=False, height_ratios=heights)[:, 0]
    for part, row in zip(parts, rows, strict=False):
        _draw_row(part, row, shapes, dict(zip("xyz", zip(low, high, strict=True), strict=True)))
    if key:
        _draw_key(parts[-1], key, columns)
    return figure


def _draw_key(part: "SubFigure", key: Mapping[str, Any], columns: int) -> None:
    from matplotlib.lines import Line2D

    lines = [Line2D([], [], color=colour, linewidth=2.5) for colour in key.values()]
    size = 9 if len(key) <= columns else 6.5
    names = [plain(name, 40) for name in key]
    part.legend(lines, names, loc="center", ncols=columns, frameon=False, fontsize=size, handlelength=1.2)


def _draw_row(part: "SubFigure", row: Row, shapes: Sequence[float], limits: dict[str, tuple[float, float]]) -> None:
    from matplotlib.collections import LineCollection

    part.suptitle(row.title, fontsize=12, fontweight="bold")
    thin = float(np.clip(12 / np.sqrt(len(row.streamlines) + 1), 0.35, 1.0))
    for axes, (across, up, view) in zip(part.subplots(1, 3, width_ratios=shapes), PLANES, strict=True):
        columns = ["xyz".index(across), "xyz".index(up)]
        lines = [streamline[:, columns] for streamline in row.streamlines]
        axes.add_collection(LineCollection(lines, colors=row.colours, linewidths=1.2 * thin, alpha=max(thin, 0.5)))
        axes.set(xlim=limits[across], ylim=limits[up], xlabel=WAYS[across], ylabel=WAYS[up], aspect="equal")
        axes.set_title(view, fontsize=10)
        if not row.streamlines:
            axes.text(0.5, 0.5, "none", transform=axes.transAxes, color=SOFT, ha="center", va="center", fontsize=14)


def _limits(streamlines: Sequence[np.ndarray]) -> tuple[np.ndarray, np.ndarray]:
    """Limits of the three axes, (coordinate,) each, in mm, with a margin."""
    if not streamlines:
        return np.full(3, -100.0), np.full(3, 100.0)
    low = np.min([streamline.min(axis=0) for streamline in streamlines], axis=0).astype(float)
    high = np.max([streamline.max(axis=0) for streamline in streamlines], axis=0).astype(float)
    longest = max(float((high - low).max()), 1.0)
    half = np.maximum((high - low) / 2 + 0.03 * longest, _SLIMMEST / 2 * longest)
    middle = (low + high) / 2
    return middle - half, middle + half
