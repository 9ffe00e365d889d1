"""The table of layers, laid out for the width of the console: no figure and no name is ever cut."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from rich.console import Console, ConsoleOptions
from rich.text import Text

from porting.records.parity import FLOAT64_LIMIT, RATIO_LIMIT, plain_number
from porting.records.verdict import LayerParity, ParityReport

MARK = "▶"
GAP = 2
LEAST_NAMES = 12
"""Columns that names have at least, however narrow the console is."""

Figures = tuple[Text, ...]


@dataclass(frozen=True, slots=True)
class LayerTable:
    """A row for each layer call; where the models part between two layers, a row of its own before the second.

    Attributes
    ----------
    report : ParityReport
    details : bool
        Whether all figures are shown, or the worst.
    """

    report: ParityReport
    details: bool = False

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> Iterator[Text]:
        """Lay the rows out, both names on a line where they fit, the port's below the reference's otherwise."""
        heads, rows = (_DETAILS, _all_figures) if self.details else (_WORST, _worst_figures)
        table = [(row, rows(row)) for row in (*self.report.layers, *self.report.outputs)]
        widths = [max([len(head), *(len(figures[at]) for _, figures in table)]) for at, head in enumerate(heads)]
        width = options.max_width - len(MARK) - 1
        room = width - sum(widths) - GAP * len(widths)
        names = _Names.fitting(
            [("reference", "port"), *((_label(row), row.port) for row, _ in table)],
            width if room < LEAST_NAMES else room,
            room < LEAST_NAMES,
        )
        yield names.row(" ", "reference", "port", [Text(head) for head in heads], widths, "bold")
        yield from self._rows(table, names, widths, options.max_width)

    def _rows(
        self, table: Sequence[tuple[LayerParity, Figures]], names: "_Names", widths: Sequence[int], width: int
    ) -> Iterator[Text]:
        marked = {(divergence.reference, divergence.where) for divergence in self.report.divergences}
        for row, figures in table:
            if (row.reference, "between") in marked:
                folded = fold(f"│ {_way(row)}", width - len(MARK) - 1)
                yield Text("\n".join(f"{MARK if not at else ' '} {line}" for at, line in enumerate(folded)), "red")
            mark = MARK if (row.reference, "inside") in marked else " "
            yield names.row(mark, _label(row), row.port, figures, widths)


@dataclass(frozen=True, slots=True)
class _Names:
    """Where both names of a row go: side by side in two columns, or below each other in one, or above the figures."""

    reference: int
    port: int
    side_by_side: bool
    above: bool = False

    @classmethod
    def fitting(cls, names: Sequence[tuple[str, str]], room: int, above: bool) -> "_Names":
        reference, port = (max(map(len, column)) for column in zip(*names, strict=True))
        if reference + GAP + port <= room:
            return cls(reference, port, True, above)
        width = min(max(reference, port + GAP), room)
        return cls(width, width - GAP, False, above)

    def row(
        self, mark: str, reference: str, port: str, figures: Sequence[Text], widths: Sequence[int], style: str = ""
    ) -> Text:
        """A row on as many lines as it needs; the figures stand on the first, or below all names."""
        first, *others = self._lines(reference, port)
        right = Text(style=style)
        for figure, width in zip(figures, widths, strict=True):
            right.append(" " * (GAP + width - len(figure)))
            right.append_text(figure)
        below = "".join(f"\n  {name.rstrip()}" for name in others)
        if self.above:
            return Text.assemble((f"{mark} {first.rstrip()}", style), (below, "dim"), "\n", right)
        return Text.assemble((f"{mark} {first}", style), right, (below, "dim"))

    def _lines(self, reference: str, port: str) -> list[str]:
        if self.side_by_side:
            return [f"{reference:<{self.reference}}{'':{GAP}}{port:<{self.port}}"]
        indented = [f"{'':{GAP}}{line}" for line in fold(port, self.port)]
        return [f"{line:<{self.reference}}" for line in (*fold(reference, self.reference), *indented)]


def fold(text: str, width: int) -> list[str]:
    """Break a text into lines of at most `width`, behind spaces and what joins the parts of a path."""
    lines, line = [], ""
    for piece in re.findall(rf"[^ ./_]{{0,{width - 1}}}[ ./_]|[^ ./_]{{1,{width}}}", text):
        if len(line) + len(piece.rstrip()) > width:
            lines.append(line.rstrip())
            line = ""
        line += piece
    return [*lines, line.rstrip()]


def _label(row: LayerParity) -> str:
    return f"{row.reference} = {row.landmark}" if row.landmark not in ("", row.reference) else row.reference


def _way(row: LayerParity) -> str:
    """From where to where; of more than two the finding lists all."""
    named = [source or "input" for source in row.sources]
    last = [*named[:1], f"{len(named) - 1} others"] if len(named) > 2 else named
    return f"{' and '.join(last)} → {row.reference}"


_WORST = ("float64", "alone", "float32 x")
_DETAILS = ("float64", "own", "glue", "float32 x", "own x", "ULP")


def _worst_figures(row: LayerParity) -> Figures:
    alone, ratio = _greater(_own(row), _glue(row)), row.float32_ratio
    return _error(row.float64_output_error), _error(alone), _graded(ratio, RATIO_LIMIT, plain_number(ratio))


def _all_figures(row: LayerParity) -> Figures:
    return (
        _error(row.float64_output_error),
        _error(_own(row)),
        _error(_glue(row)),
        _graded(row.float32_ratio, RATIO_LIMIT, plain_number(row.float32_ratio)),
        Text("" if row.own_float32_ratio is None else plain_number(row.own_float32_ratio)),
        Text(plain_number(row.ulp_at_scale)),
    )


def _own(row: LayerParity) -> float | None:
    return _greater(row.own_output_error, row.synthetic_output_error)


def _glue(row: LayerParity) -> float | None:
    return _greater(row.own_input_error, row.synthetic_input_error)


def _greater(*errors: float | None) -> float | None:
    return max((error for error in errors if error is not None), default=None)


def _error(value: float | None) -> Text:
    return Text("") if value is None else _graded(value, FLOAT64_LIMIT, f"{value:.1e}")


def _graded(value: float, limit: float, text: str) -> Text:
    return Text(text, "" if value <= limit else "red")
