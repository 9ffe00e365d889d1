"""The picture of the rooms: boxes in the layers of the contract, an arrow for each import that no other implies."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from html import escape
from itertools import pairwise
from pathlib import Path

from generated_pages import rooms

BOX, ROW, GAP, CHARACTER, MARGIN = 28, 58, 12, 7.0, 12
"""Height of a box, distance of rows, of boxes, width of a character and of a panel's rim; pixels."""


@dataclass(frozen=True, slots=True)
class Panel:
    """One package, drawn: its rows of rooms, where each box has its middle, and the arrows' ways through the rows."""

    name: str
    rows: Sequence[Sequence[str]]
    middles: Mapping[str, float]
    ways: Sequence[Sequence[str]]

    @property
    def width(self) -> float:
        """Of the panel, with its rim."""
        return max(self.middles[name] + _width(name) / 2 for row in self.rows for name in row) + MARGIN

    @property
    def height(self) -> float:
        """Of the panel, with its title."""
        return ROW * len(self.rows) + MARGIN + 16

    def point(self, name: str) -> tuple[float, float]:
        """The middle of a box."""
        row = next(number for number, names in enumerate(self.rows) if name in names)
        return self.middles[name], 34 + ROW * row + BOX / 2


def picture(contracts: Path) -> str:
    """The packages as one drawing, to be read from the top down: arrows go from who imports to what is imported."""
    finta = _panel(contracts, "finta", *rooms.MODELS)
    porting, tractography = (_panel(contracts, name) for name in rooms.TOOLS)
    width = max(finta.width, porting.width + 2 * MARGIN + tractography.width) + 4
    lower = finta.height + 60
    right = width - tractography.width - 2
    above = (max((width - finta.width) / 2, 2), 2.0, finta.width, finta.height)
    places = {
        "porting": (2.0, lower, porting.width, porting.height),
        "tractography": (right, lower, tractography.width, tractography.height),
    }
    imported = {below for above, below in rooms.package_imports("finta", *rooms.TOOLS) if above == "finta"}
    parts = [_between(above, places[name]) for name in sorted(imported)]
    parts += [_drawn(finta, *above[:2], title="finta, with its two models")]
    parts += [_drawn(panel, *places[panel.name][:2]) for panel in (porting, tractography)]
    return _figure(parts, width, lower + max(porting.height, tractography.height) + 4)


Place = tuple[float, float, float, float]
"""Left, top, width, height."""


def _between(above: Place, below: Place) -> str:
    """From one package's lower rim to another's upper one, as upright as both allow."""
    left, right = max(above[0], below[0]), min(above[0] + above[2], below[0] + below[2])
    ends = [_mean((left, right))] * 2 if left < right else [place[0] + place[2] / 2 for place in (above, below)]
    return _arrow([(ends[0], above[1] + above[3]), (ends[1], below[1] - 1)])


def _figure(parts: Sequence[str], width: float, height: float) -> str:
    marker = (
        '<marker id="tip" viewBox="0 0 8 8" refX="7" refY="4" markerWidth="7" markerHeight="7" orient="auto">'
        '<path d="M0 0 L8 4 L0 8 z"/></marker>'
    )
    label = "The rooms of finta, porting and tractography in layers; every arrow of an import points downward."
    body = "".join(parts)
    return (
        "```{raw} html\n"
        f'<div class="rooms"><svg viewBox="0 0 {width:.0f} {height:.0f}" width="{width:.0f}" role="img" '
        f'aria-label="{label}"><defs>{marker}</defs>{body}</svg></div>\n```'
    )


def _panel(contracts: Path, package: str, *others: str) -> Panel:
    """The lowest row is the ground: everything may import it, so that no arrow to it is drawn."""
    rows = rooms.layers(contracts, package)
    level = {name: number for number, row in enumerate(rows[:-1]) for name in row}
    edges = [edge for edge in sorted(rooms.imports(package, *others)) if set(edge) <= level.keys()]
    ways = [_way(edge, level) for edge in edges]
    stops = [stop for way in ways for stop in way[1:-1]]
    grid = [[*row, *(stop for stop in stops if stop.endswith(f"@{number}"))] for number, row in enumerate(rows[:-1])]
    middles = _middles(grid, ways)
    centre = _mean((min(middles.values()), max(middles.values())))
    middles.update(_side_by_side(rows[-1], {name: centre + at / 100 for at, name in enumerate(rows[-1])}))
    left = min(at - _width(name) / 2 for name, at in middles.items())
    return Panel(package, rows, {name: at - left + MARGIN for name, at in middles.items()}, ways)


def _way(edge: tuple[str, str], level: Mapping[str, int]) -> list[str]:
    """An arrow with a stop in each row that it passes, so that no box lies on it."""
    above, below = edge
    return [above, *(f"{above}>{below}@{row}" for row in range(level[above] + 1, level[below])), below]


def _middles(grid: list[list[str]], ways: Sequence[Sequence[str]]) -> dict[str, float]:
    """Order each row by what it is tied to, in sweeps down and up, and set it side by side about there."""
    neighbours: dict[str, list[str]] = {name: [] for row in grid for name in row}
    for way in ways:
        for above, below in pairwise(way):
            neighbours[above].append(below)
            neighbours[below].append(above)
    middles = dict.fromkeys(neighbours, 0.0)
    for row in grid:
        middles.update(_side_by_side(row, {name: float(at) for at, name in enumerate(row)}))
    for sweep in range(24):
        for row in grid if sweep % 2 == 0 else reversed(grid):
            wanted = {name: _mean([middles[other] for other in neighbours[name]] or [middles[name]]) for name in row}
            middles.update(_side_by_side(row, wanted))
    return middles


def _side_by_side(row: Sequence[str], wanted: Mapping[str, float]) -> dict[str, float]:
    """Boxes in the wanted order without overlapping, their mean where it is wanted."""
    ordered = sorted(row, key=lambda name: (wanted[name], name))
    placed: dict[str, float] = {}
    edge = float("-inf")
    for name in ordered:
        placed[name] = max(wanted[name], edge + _width(name) / 2)
        edge = placed[name] + _width(name) / 2 + GAP
    shift = _mean([wanted[name] - placed[name] for name in ordered])
    return {name: at + shift for name, at in placed.items()}


def _mean(values: Sequence[float]) -> float:
    return sum(values) / len(values)


def _width(name: str) -> float:
    return 6 if "@" in name else CHARACTER * len(name) + 22


def _drawn(panel: Panel, left: float, top: float, title: str = "") -> str:
    body = [
        f'<rect class="panel" width="{panel.width:.0f}" height="{panel.height:.0f}" rx="8"/>',
        f'<text class="title" x="{MARGIN}" y="22">{escape(title or panel.name)}</text>',
        *_arrows(panel),
        *(_box(name, *panel.point(name)) for row in panel.rows for name in row),
    ]
    return f'<g transform="translate({left:.0f} {top:.0f})">{"".join(body)}</g>'


def _arrows(panel: Panel) -> Iterator[str]:
    rows = {stop: 34 + ROW * int(stop.split("@")[1]) + BOX / 2 for way in panel.ways for stop in way[1:-1]}
    for way in panel.ways:
        (x, y), (to_x, to_y) = panel.point(way[0]), panel.point(way[-1])
        stops = [(panel.middles[stop], rows[stop]) for stop in way[1:-1]]
        yield _arrow([(x, y + BOX / 2), *stops, (to_x, to_y - BOX / 2 - 1)])


def _arrow(points: Sequence[tuple[float, float]]) -> str:
    """A line through points, bent smoothly from row to row."""
    path = f"M{points[0][0]:.1f} {points[0][1]:.1f}"
    for (x, y), (to_x, to_y) in pairwise(points):
        half = (y + to_y) / 2
        path += f" C{x:.1f} {half:.1f} {to_x:.1f} {half:.1f} {to_x:.1f} {to_y:.1f}"
    return f'<path class="arrow" d="{path}" marker-end="url(#tip)"/>'


def _box(name: str, x: float, y: float) -> str:
    width = _width(name)
    return (
        f'<rect class="box" x="{x - width / 2:.1f}" y="{y - BOX / 2:.1f}" width="{width:.1f}" height="{BOX}" rx="5"/>'
        f'<text x="{x:.1f}" y="{y + 4:.1f}" text-anchor="middle">{escape(name)}</text>'
    )
