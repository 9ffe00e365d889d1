"""Pictures of a training: reconstructions in three projections, and latent codes in two dimensions."""

from collections.abc import Mapping, Sequence
from itertools import chain
from typing import TYPE_CHECKING

import numpy as np

from finta.pages.colours import FIRST, INK, NAMED, SECOND, colour_names, number_name
from finta.pages.keys import draw_key, measure_key
from finta.pages.projections import Row, choose, count_drawn, draw_rows, in_one_colour

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_CODES = 6000
"""Latent codes drawn at most, unless there are more classes."""
_APART = 0.03
"""Least distance of two numbers in a picture of latent codes, as a share of its extent."""


def draw_reconstructions(streamlines: np.ndarray, reconstructions: np.ndarray) -> "Figure":
    """Draw streamlines, (streamline, point, coordinate) in RAS+ mm, and what became of them, in three projections."""
    lines = list(chain(streamlines, reconstructions))
    colours = np.concatenate([in_one_colour(FIRST, len(streamlines)), in_one_colour(SECOND, len(reconstructions))])
    title = f"{len(streamlines):,} streamlines and their reconstructions"
    return draw_rows([Row(title, lines, colours)], {"streamlines": FIRST, "reconstructed": SECOND})


def draw_latent_codes(
    latent_codes: np.ndarray,
    classes: Sequence[str],
    numbers: Mapping[str, int] | None = None,
    count: int | None = None,
) -> "Figure":
    """Draw latent codes along their two principal axes, a colour for each class.

    Parameters
    ----------
    latent_codes : ndarray, (streamline, latent)
        Some 6000 are drawn at most, at random but always the same, and some of every class.
    classes : sequence of str
        One for each streamline.
    numbers : mapping of str to int, optional
        All classes that have a number in tables, drawn or not: they are of these colours, all others are grey.
    count : int, optional
        How many streamlines there are, where these are some of them.

    Returns
    -------
    Figure
        The codes above the names of the classes. Where these are too many to be told apart by colour they are numbered,
        and the numbers stand at the classes' medians, as far as there is room.
    """
    from matplotlib.figure import Figure

    flat, shares = _project(latent_codes)
    names = _in_order(set(classes), numbers or {})
    places = {name: place for place, name in enumerate(names)}
    labels = np.array([places[name] for name in classes], int)
    drawn = _choose_of_every_class(labels)
    are_many = len(names) > NAMED
    if numbers is None:
        numbers = {name: place + 1 for name, place in places.items()} if are_many else {}
    colours = np.array(list(colour_names(names, numbers or names).values()))
    entries = [number_name(name, numbers) for name in names]
    width, height = (12.0, 8.0) if are_many else (6.4, 5.4)
    columns, key_height = measure_key(entries, width)
    figure = Figure(figsize=(width, height + key_height), layout="constrained")
    above, below = figure.subfigures(2, 1, squeeze=False, height_ratios=(height, key_height))[:, 0]
    axes = above.subplots()
    axes.scatter(*flat[drawn].T, s=9, c=colours[labels[drawn]], alpha=0.8, linewidths=0)
    axes.set(
        xlabel=f"first principal axis ({shares[0]:.0%} of the variance)",
        ylabel=f"second principal axis ({shares[1]:.0%})",
        title=count_drawn("latent codes", len(flat) if count is None else count, len(drawn)),
    )
    axes.set_aspect("equal", adjustable="datalim")
    if are_many:
        medians = {name: np.median(flat[labels == place], axis=0) for place, name in enumerate(names)}
        _number_classes(axes, {numbers[name]: median for name, median in medians.items() if name in numbers})
    draw_key(below, dict(zip(entries, colours, strict=True)), columns)
    return figure


def _in_order(names: set[str], numbers: Mapping[str, int]) -> list[str]:
    """Those that have a number as they are numbered, then all others by name."""
    return [*(name for name in numbers if name in names), *sorted(names - set(numbers))]


def _project(latent_codes: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Codes along their two principal axes, (streamline, axis), and the shares of the variance that lie along them."""
    centred = latent_codes - latent_codes.mean(axis=0)
    _, spread, directions = np.linalg.svd(centred, full_matrices=False)
    shares = spread**2 / max(float(np.sum(spread**2)), np.finfo(float).tiny)
    found = centred @ directions[:2].T
    return np.pad(found, ((0, 0), (0, 2 - found.shape[1]))), np.pad(shares, (0, 2))


def _choose_of_every_class(labels: np.ndarray) -> np.ndarray:
    """Rows to draw, in random order, so that no class lies on top: the same share of each, but one at least."""
    rows = choose(len(labels), len(labels))
    if len(labels) <= _CODES:
        return rows
    held = [rows[labels[rows] == number] for number in range(labels.max() + 1)]
    kept = np.concatenate([of_one[: -(-len(of_one) * _CODES // len(labels))] for of_one in held])
    return kept[choose(len(kept), len(kept))]


def _number_classes(axes: "Axes", medians: Mapping[int, np.ndarray]) -> None:
    from matplotlib.patheffects import withStroke

    least = _APART * max(axes.dataLim.width, axes.dataLim.height)
    numbered: list[np.ndarray] = []
    for number, median in medians.items():
        if all(np.linalg.norm(median - other) >= least for other in numbered):
            numbered.append(median)
            across, up = median
            text = axes.text(
                across, up, str(number), color=INK, fontsize=8, fontweight="bold", ha="center", va="center"
            )
            text.set_path_effects([withStroke(linewidth=2.5, foreground="white")])
