"""Streamlines in three projections: rows of pictures with one scale for all that are compared."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from finta.pages.colours import SOFT
from finta.pages.keys import draw_key, measure_key

if TYPE_CHECKING:
    from matplotlib.figure import Figure, SubFigure

PLANES = (("x", "y", "from above"), ("x", "z", "from behind"), ("y", "z", "from the right"))
WAYS = {"x": "x (mm), left to right", "y": "y (mm), back to front", "z": "z (mm), bottom to top"}
DRAWN = 2000
"""Streamlines drawn at most in one row."""

_WIDTH, _TALLEST = 12.0, 3.6
_BESIDE, _ABOVE = 2.4, 1.2
"""Inches that axis labels take beside, and titles and labels above and below, the pictures of a row."""
_POINTS = 64
"""Points drawn of a streamline at most; more are not seen."""
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


def in_one_colour(colour: str, count: int) -> np.ndarray:
    """The same colour for some streamlines, (streamline, red green blue)."""
    from matplotlib.colors import to_rgb

    return np.tile(to_rgb(colour), (count, 1))


def choose(count: int, limit: int) -> np.ndarray:
    """Numbers of some of `count` things, at random in any order but always the same."""
    return np.random.default_rng(count).permutation(count)[:limit]


def choose_streamlines(streamlines: Sequence[np.ndarray], limit: int = DRAWN) -> list[np.ndarray]:
    """Choose streamlines to draw, at random but always the same; what has no two finite points leaves no line."""
    chosen = (np.asarray(streamlines[number]) for number in choose(len(streamlines), limit))
    finite = (streamline[np.isfinite(streamline).all(axis=1)] for streamline in chosen)
    return [_thin(streamline) for streamline in finite if len(streamline) > 1]


def _thin(streamline: np.ndarray) -> np.ndarray:
    kept = np.linspace(0, len(streamline) - 1, min(len(streamline), _POINTS)).round().astype(int)
    return streamline[kept]


def count_drawn(name: str, count: int, drawn: int) -> str:
    """Say of how many things how many are drawn."""
    return f"{name}: {count:,}" if count == drawn else f"{name}: {drawn:,} of {count:,} drawn"


def draw_rows(rows: Sequence[Row], key: Mapping[str, Any]) -> "Figure":
    """Draw rows of streamlines in three projections, all in the same limits, above a key of names and colours."""
    from matplotlib.figure import Figure

    low, high = _limits([streamline for row in rows for streamline in row.streamlines])
    extents = dict(zip("xyz", high - low, strict=True))
    shapes = [extents[across] / extents[up] for across, up, _ in PLANES]
    height = min((_WIDTH - _BESIDE) / sum(shapes), _TALLEST)
    width = height * sum(shapes) + _BESIDE
    columns, key_height = measure_key(list(key), width)
    heights = [height + _ABOVE] * len(rows) + ([key_height] if key else [])
    figure = Figure(figsize=(width, sum(heights)), layout="constrained")
    parts = figure.subfigures(len(heights), 1, squeeze=False, height_ratios=heights)[:, 0]
    for part, row in zip(parts, rows, strict=False):
        _draw_row(part, row, shapes, dict(zip("xyz", zip(low, high, strict=True), strict=True)))
    if key:
        draw_key(parts[-1], key, columns)
    return figure


def _draw_row(part: "SubFigure", row: Row, shapes: Sequence[float], limits: dict[str, tuple[float, float]]) -> None:
    from matplotlib.collections import LineCollection
    from matplotlib.ticker import MultipleLocator

    part.suptitle(row.title, fontsize=12, fontweight="bold")
    thin = float(np.clip(12 / np.sqrt(len(row.streamlines) + 1), 0.4, 1.0))
    step = _tick_step(max(high - low for low, high in limits.values()))
    for axes, (across, up, view) in zip(part.subplots(1, 3, width_ratios=shapes), PLANES, strict=True):
        columns = ["xyz".index(across), "xyz".index(up)]
        lines = [streamline[:, columns] for streamline in row.streamlines]
        axes.add_collection(LineCollection(lines, colors=row.colours, linewidths=1.2 * thin, alpha=max(thin, 0.6)))
        axes.set(xlim=limits[across], ylim=limits[up], xlabel=WAYS[across], ylabel=WAYS[up], aspect="equal")
        axes.set_title(view, fontsize=10)
        axes.xaxis.set_major_locator(MultipleLocator(step))
        axes.yaxis.set_major_locator(MultipleLocator(step))
        axes.spines[:].set_color(SOFT)
        if not row.streamlines:
            axes.text(0.5, 0.5, "none", transform=axes.transAxes, color=SOFT, ha="center", va="center", fontsize=14)


def _tick_step(longest: float) -> float:
    """A round number of mm, about an eighth of a length."""
    rough = longest / 8
    unit = 10.0 ** np.floor(np.log10(rough))
    return float(unit * next(factor for factor in (1, 2, 5, 10) if factor * unit >= rough))


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
