"""A port's source as a page shows it: each line, and what the layers that it makes came to."""

from dataclasses import dataclass

from porting.records.verdict import LayerParity, ParityReport


@dataclass(frozen=True, slots=True)
class SourceLine:
    """One line of a port's source.

    Attributes
    ----------
    number : int
    text : str
    error : float or None
        The worst relative error of a layer made there by itself, or of what reaches it; None where no layer is.
    layers : tuple of str
        The layers made there.
    parted : tuple of int
        Numbers of the divergences there, as the report counts them.
    """

    number: int
    text: str
    error: float | None
    layers: tuple[str, ...]
    parted: tuple[int, ...]


def view_source(report: ParityReport) -> list[SourceLine]:
    """Every line, with the figures of the layers that it makes."""
    if report.source is None:
        return []
    by_line: dict[int, list[LayerParity]] = {}
    for row in report.layers:
        if lines := report.source.lines.get(row.port.rpartition("/")[2]):
            by_line.setdefault(lines[0], []).append(row)
    return [
        SourceLine(
            number,
            text,
            max((error for row in by_line.get(number, ()) for error in _errors(row)), default=None),
            tuple(dict.fromkeys(row.port for row in by_line.get(number, ()))),
            tuple(
                at
                for at, held in enumerate(report.divergences, start=1)
                if held.port in {row.port for row in by_line.get(number, ())}
            ),
        )
        for number, text in enumerate(report.source.text.splitlines(), start=1)
    ]


def _errors(row: LayerParity) -> list[float]:
    figures = (row.own_input_error, row.own_output_error, row.synthetic_input_error, row.synthetic_output_error)
    return [figure for figure in figures if figure is not None]
