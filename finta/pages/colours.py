"""Colours of pictures, and how names are written in them."""

from collections.abc import Iterable, Mapping, Sequence

import numpy as np

from porting.foreign import readable
from porting.reports.names import shorten_names

INK, SOFT = "#1d1f24", "#8b929c"
FIRST, SECOND = "#5b6b7a", "#d1495b"
"""Of two things that are compared: what was there before, and what became of it."""

NAMED = 12
"""Classes that a legend beside a picture names; more are too many to tell apart by colour."""

DIRECTIONS = {"left to right": (0.9, 0.0, 0.0), "back to front": (0.0, 0.9, 0.0), "bottom to top": (0.0, 0.0, 0.9)}
"""The colours of streamlines that run that way or back."""

_FEW = ("#2460c8", "#d1495b", "#16856a", "#d98a00", "#7646b8", "#2aa5c0", "#8a5a2b", "#c2589f", "#7a9a1e", "#5b6b7a")


def colour_classes(count: int) -> np.ndarray:
    """A colour for each of some classes, (class, red green blue): distinct for few, along the spectrum for many."""
    from matplotlib import colormaps
    from matplotlib.colors import to_rgb

    if count <= len(_FEW):
        return np.array([to_rgb(colour) for colour in _FEW[:count]]).reshape(count, 3)
    return colormaps["turbo"](np.linspace(0.03, 0.97, count))[:, :3]


def colour_names(names: Iterable[str], known: Iterable[str]) -> dict[str, np.ndarray]:
    """A colour, (red green blue,), for each name by its place among all that are known; grey for others."""
    from matplotlib.colors import to_rgb

    order = list(known)
    shades = dict(zip(order, colour_classes(len(order)), strict=True))
    return {name: shades[name] if name in shades else np.array(to_rgb(SOFT)) for name in names}


def number_name(name: str, numbers: Mapping[str, int] | None) -> str:
    """A name behind its number, where it has one."""
    return f"{numbers[name]}  {name}" if numbers and name in numbers else name


def colour_directions(streamlines: Sequence[np.ndarray]) -> np.ndarray:
    """Colours of the mean direction, (streamline, red green blue): red across, green along, blue up, as is usual.

    Parameters
    ----------
    streamlines : sequence of ndarray, (point, coordinate), RAS+ mm
        With two points or more each.
    """
    colours = np.empty((len(streamlines), 3))
    for number, streamline in enumerate(streamlines):
        colours[number] = np.abs(np.diff(streamline, axis=0)).sum(axis=0)
    lengths = np.linalg.norm(colours, axis=1, keepdims=True)
    return 0.9 * colours / np.maximum(lengths, np.finfo(float).tiny)


def plain(names: Sequence[str], longest: int = 60) -> list[str]:
    """Names as matplotlib is to write them: no formula is read into dollars, and long ones are short, but not alike."""
    return [readable(name).replace("$", r"\$") for name in shorten_names(names, longest)]
