"""Pictures of a training: reconstructions in three projections, and latent codes in two dimensions."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from matplotlib.figure import Figure

PLANES = (("x", "y", "from above"), ("x", "z", "from the front"), ("y", "z", "from the side"))
REFERENCE, RECONSTRUCTION = "#5b6b7a", "#d1495b"
NAMED = 12
"""Classes that the legend names; more are drawn without."""


def draw_reconstructions(streamlines: np.ndarray, reconstructions: np.ndarray) -> "Figure":
    """Draw streamlines, (streamline, point, coordinate) in RAS+ mm, and what became of them, in three projections."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(12, 4.4), layout="constrained")
    views = figure.subplots(1, 3)
    for axes, (across, up, title) in zip(views, PLANES, strict=True):
        columns = ["xyz".index(across), "xyz".index(up)]
        for curves, colour, label in (
            (streamlines, REFERENCE, "streamlines"),
            (reconstructions, RECONSTRUCTION, "reconstructed"),
        ):
            for number, curve in enumerate(curves[:, :, columns]):
                axes.plot(*curve.T, color=colour, linewidth=0.8, alpha=0.7, label=None if number else label)
        axes.set(xlabel=f"{across} (mm)", ylabel=f"{up} (mm)", title=title, aspect="equal")
    figure.legend(*views[0].get_legend_handles_labels(), loc="outside lower center", ncols=2, frameon=False)
    return figure


def draw_latent_codes(latent_codes: np.ndarray, classes: Sequence[str]) -> "Figure":
    """Draw latent codes, (streamline, latent), along their two principal axes, a colour for each class."""
    from matplotlib import colormaps
    from matplotlib.figure import Figure

    centred = latent_codes - latent_codes.mean(axis=0)
    _, spread, directions = np.linalg.svd(centred, full_matrices=False)
    shares = spread**2 / max(float(np.sum(spread**2)), np.finfo(float).tiny)
    found = centred @ directions[:2].T
    flat, shares = np.pad(found, ((0, 0), (0, 2 - found.shape[1]))), np.pad(shares, (0, 2))
    figure = Figure(figsize=(6.4, 5.6), layout="constrained")
    axes = figure.subplots()
    names = sorted(set(classes))
    colours = colormaps["tab10"] if len(names) <= 10 else colormaps["turbo"].resampled(len(names))
    for number, name in enumerate(names):
        rows = [row for row, held in enumerate(classes) if held == name]
        axes.scatter(*flat[rows].T, s=9, color=colours(number), label=name, linewidths=0)
    axes.set(
        xlabel=f"first principal axis ({shares[0]:.0%} of the variance)",
        ylabel=f"second principal axis ({shares[1]:.0%})",
        title="latent codes",
    )
    if len(names) <= NAMED:
        axes.legend(frameon=False, markerscale=2)
    return figure
