"""Pictures of a training: reconstructions in three projections, and latent codes in two dimensions."""

from collections.abc import Sequence
from itertools import chain
from typing import TYPE_CHECKING

import numpy as np

from finta.pages.colours import FIRST, INK, NAMED, SECOND, colour_classes
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


def draw_latent_codes(latent_codes: np.ndarray, classes: Sequence[str]) -> "Figure":
    """Draw latent codes along their two principal axes, a colour for each class.

    Parameters
    ----------
    latent_codes : ndarray, (streamline, latent)
        Some 6000 are drawn at most, at random but always the same, and some of every class.
    classes : sequence of str
        One for each streamline.

    Returns
    -------
    Figure
        The codes above the names of the classes. Where these are too many to be told apart by colour they are numbered,
        and the numbers stand at the classes' medians, as far as there is room.
    """
    from matplotlib.figure import Figure

    flat, shares = _project(latent_codes)
    names, labels = np.unique(np.asarray(classes, dtype=str), return_inverse=True)
    drawn = _choose_of_every_class(labels)
    colours = colour_classes(len(names))
    are_many = len(names) > NAMED
    entries = [f"{number}  {name}" if are_many else str(name) for number, name in enumerate(names, 1)]
    width, height = (12.0, 8.0) if are_many else (6.4, 5.4)
    columns, key_height = measure_key(entries, width)
    figure = Figure(figsize=(width, height + key_height), layout="constrained")
    above, below = figure.subfigures(2, 1, squeeze=False, height_ratios=(height, key_height))[:, 0]
    axes = above.subplots()
    axes.scatter(*flat[drawn].T, s=9, c=colours[labels[drawn]], alpha=0.8, linewidths=0)
    axes.set(
        xlabel=f"first principal axis ({shares[0]:.0%} of the variance)",
        ylabel=f"second principal axis ({shares[1]:.0%})",
        title=count_drawn("latent codes", len(flat), len(drawn)),
    )
    axes.set_aspect("equal", adjustable="datalim")
    if are_many:
        _number_classes(axes, [np.median(flat[labels == number], axis=0) for number in range(len(names))])
    draw_key(below, dict(zip(entries, colours, strict=True)), columns)
    return figure


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


def _number_classes(axes: "Axes", medians: Sequence[np.ndarray]) -> None:
    from matplotlib.patheffects import withStroke

    least = _APART * max(axes.dataLim.width, axes.dataLim.height)
    numbered: list[np.ndarray] = []
    for number, median in enumerate(medians, 1):
        if all(np.linalg.norm(median - other) >= least for other in numbered):
            numbered.append(median)
            across, up = median
            text = axes.text(
                across, up, str(number), color=INK, fontsize=8, fontweight="bold", ha="center", va="center"
            )
            text.set_path_effects([withStroke(linewidth=2.5, foreground="white")])
