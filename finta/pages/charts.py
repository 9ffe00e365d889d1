"""Pictures of a run's results: decisions, bundles, what was kept and removed, what was generated."""

from collections.abc import Mapping, Sequence
from itertools import chain
from typing import TYPE_CHECKING, Any

import numpy as np

from finta.pages.colours import (
    DIRECTIONS,
    FIRST,
    INK,
    NAMED,
    SECOND,
    SOFT,
    colour_directions,
    colour_names,
    number_name,
    plain,
)
from finta.pages.projections import DRAWN, Row, choose, choose_streamlines, count_drawn, draw_rows, in_one_colour

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_WORST = 5
"""Curves that are named where there are too many to name them all."""


def draw_kept_and_removed(
    kept: Sequence[np.ndarray], removed: Sequence[np.ndarray], counts: tuple[int, int] | None = None
) -> "Figure":
    """Draw what was kept above what was removed, coloured by direction.

    Parameters
    ----------
    kept, removed : sequence of ndarray, (point, coordinate), RAS+ mm
        Of any number and any lengths; at most 2000 of each are drawn, at random but always the same.
    counts : tuple of two int, optional
        How many were kept and removed, where these are some of them.

    Returns
    -------
    Figure
        Two rows of three projections in the same limits.
    """
    counts = counts or (len(kept), len(removed))
    return draw_rows([_row("kept", kept, counts[0]), _row("removed", removed, counts[1])], DIRECTIONS)


def draw_generated(
    generated: Sequence[np.ndarray], seeds: Sequence[np.ndarray], seed_count: int | None = None
) -> "Figure":
    """Draw seeds above what was generated from them.

    Parameters
    ----------
    generated, seeds : sequence of ndarray, (point, coordinate), RAS+ mm
        Of any number and any lengths; at most 2000 of each are drawn, at random but always the same.
    seed_count : int, optional
        How many seeds there are, where these are some of them.

    Returns
    -------
    Figure
        Two rows of three projections in the same limits.
    """
    count = len(seeds) if seed_count is None else seed_count
    return draw_rows([_row("seeds", seeds, count, FIRST), _row("generated", generated, len(generated), SECOND)], {})


def _row(name: str, streamlines: Sequence[np.ndarray], count: int, colour: str | None = None) -> Row:
    """Some of so many streamlines, in one colour or coloured by direction."""
    drawn = choose_streamlines(streamlines)
    colours = in_one_colour(colour, len(drawn)) if colour else colour_directions(drawn)
    return Row(count_drawn(name, count, len(drawn)), drawn, colours)


def draw_bundles(
    bundles: Mapping[str, Sequence[np.ndarray]],
    numbers: Mapping[str, int] | None = None,
    count: int | None = None,
) -> "Figure":
    """Draw bundles together, a colour for each.

    Parameters
    ----------
    bundles : mapping of str to sequence of ndarray, (point, coordinate), RAS+ mm
        At most 2000 streamlines are drawn of all together, at random but always the same, and some of every bundle.
    numbers : mapping of str to int, optional
        All bundles, drawn or not, with the numbers that tables have; the names are numbered so, and of these colours.
    count : int, optional
        How many streamlines there are, where these are some of them.

    Returns
    -------
    Figure
        Three projections, with the names of the bundles.
    """
    share = max(DRAWN // max(len(bundles), 1), 10)
    drawn = [choose_streamlines(streamlines, share) for streamlines in bundles.values()]
    shade_of = colour_names(bundles, numbers or bundles)
    colours = np.array(list(shade_of.values())).reshape(-1, 3)
    order = choose(total := sum(map(len, drawn)), total)
    lines, shades = list(chain.from_iterable(drawn)), np.repeat(colours, [len(held) for held in drawn], axis=0)
    held = sum(map(len, bundles.values()))
    title = count_drawn(f"streamlines of {len(bundles)} bundles", held if count is None else count, len(order))
    row = Row(title, [lines[number] for number in order], shades[order])
    return draw_rows([row], {number_name(name, numbers): shade for name, shade in shade_of.items()})


def draw_roc(
    curves: Mapping[str, tuple[np.ndarray, np.ndarray, float]], marked: Mapping[str, tuple[float, float]]
) -> "Figure":
    """Draw each bundle's receiver operating characteristic and the point that was chosen on it.

    Parameters
    ----------
    curves : mapping of str to tuple
        False-positive rates, true-positive rates, (threshold,) each and ascending, and the area under them, per bundle.
    marked : mapping of str to tuple of float
        False-positive and true-positive rate at the chosen threshold, for some or all of the bundles.

    Returns
    -------
    Figure
        The curves and beside them, for twelve bundles or fewer, their upper left corner; for more, where only the
        worst are named, a histogram of the areas.
    """
    from matplotlib.figure import Figure

    ascending = sorted(curves, key=lambda name: (np.nan_to_num(curves[name][2], nan=-1.0), name))
    are_few = len(curves) <= NAMED
    named = ascending if are_few else ascending[:_WORST]
    colours = colour_names(named, curves if are_few else named)
    figure = Figure(figsize=(12, 6), layout="constrained")
    axes, beside = figure.subplots(1, 2, width_ratios=(1, 1 if are_few else 0.8))
    handles = _draw_curves(axes, curves, marked, colours)
    axes.set(xlim=(-0.01, 1.01), ylim=(-0.01, 1.01))
    axes.set_title("of each bundle, among the streamlines nearest to it", fontsize=10)
    if curves:
        title = "bundle, area under the curve" if are_few else f"lowest areas under the curve, of {len(curves)} bundles"
        style = {"fontsize": 9, "title_fontsize": 9, "edgecolor": "none", "framealpha": 0.85}
        axes.legend(list(handles.values()), list(handles), loc="lower right", title=title, **style)
    if are_few:
        _draw_curves(beside, curves, marked, colours)
        reach = _corner(list(marked.values()))
        beside.set(xlim=(-0.01 * reach, reach), ylim=(1 - reach, 1 + 0.01 * reach))
        beside.set_title("upper left corner", fontsize=10)
    else:
        _draw_areas(beside, [curves[name][2] for name in ascending])
    return figure


def _draw_curves(
    axes: "Axes",
    curves: Mapping[str, tuple[np.ndarray, np.ndarray, float]],
    marked: Mapping[str, tuple[float, float]],
    colours: Mapping[str, np.ndarray],
) -> dict[str, Any]:
    """Draw curves, the named ones last, and give what a legend holds: texts, and what they are about."""
    handles, written = {}, dict(zip(colours, plain(list(colours)), strict=True))
    axes.axline((0, 0), slope=1, color=SOFT, linewidth=0.8, linestyle=(0, (4, 4)), zorder=1)
    for name in (*(name for name in curves if name not in colours), *colours):
        false, true, area = curves[name]
        style = {"color": SOFT, "linewidth": 0.7, "alpha": 0.45, "markersize": 4, "zorder": 2}
        if name in colours:
            style = {"color": colours[name], "linewidth": 1.6, "markersize": 7, "zorder": 3}
        (line,) = axes.plot(false, true, **style)
        if name in colours:
            handles[f"{written[name]}  {area:.3f}"] = line
        if name in marked:
            axes.plot(*marked[name], "o", **style | {"zorder": style["zorder"] + 2})
    if marked:
        (handles["chosen threshold"],) = axes.plot([], [], "o", color=SOFT, markersize=6)
    axes.set(xlabel="false-positive rate", ylabel="true-positive rate", aspect="equal")
    axes.grid(color=SOFT, alpha=0.2, linewidth=0.6)
    return handles


def _draw_areas(axes: "Axes", areas: Sequence[float]) -> None:
    finite = [area for area in areas if np.isfinite(area)]
    axes.hist(finite, bins=20, color=FIRST)
    axes.set(xlabel="area under the curve", ylabel="bundles")
    axes.set_title(
        f"median {np.median(finite):.3f}, lowest {min(finite):.3f}" if finite else "none is finite", fontsize=10
    )


def _corner(marked: Sequence[tuple[float, float]]) -> float:
    """Reach of the corner that holds all marks and reaches as far again, but no less than a fiftieth of the axis."""
    farthest = max((max(false, 1 - true) for false, true in marked), default=0.1)
    return min(max(2 * farthest, 0.02), 1.0)


def draw_confusion(matrix: np.ndarray, names: Sequence[str]) -> "Figure":
    """Draw a confusion matrix as shares of its rows.

    Parameters
    ----------
    matrix : ndarray, (true class, found class)
        Counts. A class without streamlines has an empty row.
    names : sequence of str
        One for each class.
    """
    from matplotlib.colors import PowerNorm
    from matplotlib.figure import Figure
    from matplotlib.ticker import PercentFormatter

    counts = np.asarray(matrix, float)
    totals = counts.sum(axis=1)
    shares = counts / np.maximum(totals, 1)[:, None]
    are_few = len(names) <= NAMED
    side = 3 + 0.6 * len(names) if are_few else 4.5 + 0.105 * len(names)
    figure = Figure(figsize=(side + 1, side), layout="constrained")
    axes = figure.subplots()
    image = axes.imshow(shares, cmap="Blues", norm=PowerNorm(0.5, 0, 1))
    labels, size = plain(names), 9 if are_few else 6
    axes.set_xticks(range(len(names)), labels, rotation=90, fontsize=size)
    axes.set_yticks(range(len(names)), labels, fontsize=size)
    recalls = np.diagonal(shares)[totals > 0]
    axes.set(xlabel="found", ylabel="true")
    axes.set_title(f"balanced accuracy {recalls.mean():.1%}" if recalls.size else "no streamlines")
    figure.colorbar(image, ax=axes, shrink=0.6, label="share of the true class", format=PercentFormatter(1))
    if are_few:
        for (row, column), share in np.ndenumerate(shares):
            ink = "white" if share > 0.35 else INK
            text = f"{share:.1%}\n{counts[row, column]:,.0f}"
            axes.text(column, row, text, ha="center", va="center", color=ink, fontsize=8)
    return figure
