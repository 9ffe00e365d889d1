"""Names of classes with their colours, in columns: a few large, a hundred small."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from finta.pages.colours import NAMED, plain

if TYPE_CHECKING:
    from matplotlib.figure import FigureBase

_LONGEST = 48
"""Letters of a name."""


def measure_key(names: Sequence[str], width: float) -> tuple[int, float]:
    """Columns that fit into a width in inches, and the height in inches that they take."""
    if not names:
        return 1, 0.0
    size = _size(len(names))
    longest = min(max(map(len, names)), _LONGEST)
    columns = max(1, min(len(names), int(width / (0.0078 * size * longest + 0.06 * size))))
    return columns, 0.022 * size * -(-len(names) // columns) + 0.2


def draw_key(part: "FigureBase", key: Mapping[str, Any], columns: int) -> None:
    """Write names behind a stroke in their colours into the middle of a part of a figure."""
    from matplotlib.lines import Line2D

    part.legend(
        [Line2D([], [], color=colour, linewidth=2.5) for colour in key.values()],
        plain(list(key), _LONGEST),
        loc="center",
        ncols=columns,
        frameon=False,
        fontsize=_size(len(key)),
        handlelength=1.2,
        columnspacing=1.5,
    )


def _size(count: int) -> float:
    return 9 if count <= NAMED else 6.5
