"""Errors against depth: how far the port is from the reference at each layer, in both precisions."""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from porting.records.parity import FLOAT64_LIMIT, RATIO_LIMIT, Divergence
from porting.records.verdict import LayerParity
from porting.reports.names import shorten_names
from porting.reports.pictures import Label, LogAxis, Mark, Picture, Stroke, compact, path_through

_TOP, _BOTTOM, _LEFT, _RIGHT = 26.0, 266.0, 66.0, 18.0
_LONGEST_LABEL = 16
_LETTER = 4.7
"""Height that a letter of a tilted label takes."""


@dataclass(frozen=True, slots=True)
class Depth:
    """The horizontal axis: one column for each layer call, then for each output.

    Attributes
    ----------
    rows : sequence of LayerParity
    divergences : sequence of Divergence
    labels : sequence of str
        What each column is called.
    step : float
        Width of a column.
    """

    rows: Sequence[LayerParity]
    divergences: Sequence[Divergence]
    labels: Sequence[str]
    step: float

    @property
    def right(self) -> float:
        """Where the axis ends."""
        return _LEFT + self.step * len(self.rows)

    def at(self, number: float) -> float:
        """Middle of a column; half a column before it lies what is between two layers."""
        return _LEFT + self.step * (number + 0.5)

    def columns_of(self, divergence: Divergence) -> Iterator[float]:
        """Where a divergence lies on the axis."""
        for number, row in enumerate(self.rows):
            if row.reference == divergence.reference:
                yield number if divergence.where == "inside" else number - 0.5


def draw_float64_errors(rows: Sequence[LayerParity], divergences: Sequence[Divergence]) -> Picture:
    """Inherited and own float64 errors of every layer, with the limit."""
    depth = _depth(rows, divergences)
    errors = [error for row in rows for error in _float64_errors(row) if error is not None]
    exponents = _exponents(errors)
    axis = LogAxis(-17, max(-11, *exponents) if exponents else -11, _BOTTOM, _TOP)
    inherited = [(depth.at(number), _drawn(axis, row.float64_output_error)) for number, row in enumerate(rows)]
    strokes = (
        *_grid(axis, depth),
        Stroke(path_through(inherited), "line inherited"),
        Stroke(_level(axis.at(FLOAT64_LIMIT), depth), "limit"),
    )
    worst = max(errors, default=0.0)
    description = f"Greatest error {worst:.1e}; limit {FLOAT64_LIMIT:.0e}. {_spoken(divergences)}"
    return _chart("Relative error in float64 against depth", description, depth, axis, strokes, _float64_marks)


def _float64_errors(row: LayerParity) -> tuple[float | None, ...]:
    return row.float64_output_error, own_error(row), glue_error(row)


def own_error(row: LayerParity) -> float | None:
    """Greater of a layer's own errors: on the probe, on synthetic activations."""
    return _greater(row.own_output_error, row.synthetic_output_error)


def glue_error(row: LayerParity) -> float | None:
    """Greater of the errors of what lies before a layer: on the probe, on synthetic activations."""
    return _greater(row.own_input_error, row.synthetic_input_error)


def _greater(*errors: float | None) -> float | None:
    return max((error for error in errors if error is not None), default=None)


def _float64_marks(depth: Depth, axis: LogAxis) -> Iterator[Mark]:
    """Inherited errors and the layers' own in the columns, those of what lies between halfway before."""
    for number, row in enumerate(depth.rows):
        signs = (
            (number, row.float64_output_error, "circle", "inherited", f"{row.reference}, as the whole model runs"),
            (number - 0.5, glue_error(row), "diamond", "own", f"between {_before(row)} and {row.reference}, alone"),
            (number, own_error(row), "circle", "own", f"{row.reference}, alone"),
        )
        for column, error, shape, style, words in signs:
            if error is not None:
                over = "" if error <= FLOAT64_LIMIT else " over"
                yield Mark(depth.at(column), axis.at(error), shape, style + over, f"{words}: {error:.1e}")


def _before(row: LayerParity) -> str:
    return " and ".join(source or "the input" for source in row.sources) or "the input"


def draw_float32_errors(rows: Sequence[LayerParity], divergences: Sequence[Divergence]) -> Picture:
    """float32 errors of the port over what rounding explains, from once to as many times as allowed."""
    depth = _depth(rows, divergences)
    own = [_explained(row) for row in rows]
    allowed = [RATIO_LIMIT * error for error in own]
    exponents = _exponents([*own, *allowed, *(row.float32_error for row in rows)]) or [-8, -6]
    low = min(exponents)
    axis = LogAxis(low, max(low + 2, *exponents), _BOTTOM, _TOP)
    upper, lower = ([(depth.at(n), axis.at(error)) for n, error in enumerate(errors)] for errors in (allowed, own))
    ports = [(depth.at(number), axis.at(row.float32_error)) for number, row in enumerate(rows)]
    strokes = (
        *_grid(axis, depth),
        Stroke(path_through([*upper, *reversed(lower)]), "envelope"),
        Stroke(path_through(lower), "line reference"),
        Stroke(path_through(ports), "line port"),
    )
    worst = max((row.float32_ratio for row in rows), default=0.0)
    description = f"At most {worst:.2f} times what rounding explains; limit {RATIO_LIMIT:g}."
    return _chart("Error in float32 against depth", description, depth, axis, strokes, _float32_marks)


def _explained(row: LayerParity) -> float:
    """The float32 error that rounding explains, which the ratio is a multiple of."""
    is_known = row.float32_ratio > 0 and math.isfinite(row.float32_ratio) and math.isfinite(row.float32_error)
    return row.float32_error / row.float32_ratio if is_known else row.reference_float32_error


def _float32_marks(depth: Depth, axis: LogAxis) -> Iterator[Mark]:
    for number, row in enumerate(depth.rows):
        over = "" if row.float32_ratio <= RATIO_LIMIT else " over"
        note = f"{row.reference}: {row.float32_error:.1e}, {row.float32_ratio:.2f} x what rounding explains"
        yield Mark(depth.at(number), axis.at(row.float32_error), "circle", f"port{over}", note)


def _depth(rows: Sequence[LayerParity], divergences: Sequence[Divergence]) -> Depth:
    labels = shorten_names([row.reference for row in rows], _LONGEST_LABEL)
    return Depth(rows, divergences, labels, max(26.0, (860.0 - _LEFT - _RIGHT) / max(1, len(rows))))


def _exponents(errors: Sequence[float]) -> list[int]:
    logs = [math.log10(error) for error in errors if error > 0 and math.isfinite(error)]
    return [max(math.floor(min(logs)), -300), min(math.ceil(max(logs)), 300)] if logs else []


def _drawn(axis: LogAxis, error: float | None) -> float:
    return math.nan if error is None else axis.at(error)


def _chart(title: str, description: str, depth: Depth, axis: LogAxis, strokes: tuple[Stroke, ...], marks) -> Picture:
    return Picture(
        title,
        description,
        depth.right + _RIGHT,
        _BOTTOM + 24 + _LETTER * max(map(len, depth.labels), default=0),
        strokes,
        tuple(marks(depth, axis)),
        (*_value_labels(axis), *_layer_labels(depth), *_divergence_labels(depth)),
    )


def _grid(axis: LogAxis, depth: Depth) -> Iterator[Stroke]:
    """The divergences' columns, then a line at each tick."""
    width = min(depth.step, 34.0)
    for divergence in depth.divergences:
        for column in depth.columns_of(divergence):
            left = depth.at(column) - width / 2
            yield Stroke(f"M{compact(left)} {_TOP}h{compact(width)}V{_BOTTOM}h{compact(-width)}z", "parting")
    for value, _ in axis.ticks():
        yield Stroke(_level(axis.at(value), depth), "grid" if 0 < value < math.inf else "grid edge")


def _level(y: float, depth: Depth) -> str:
    return f"M{_LEFT} {compact(y)}H{compact(depth.right)}"


def _value_labels(axis: LogAxis) -> Iterator[Label]:
    for value, text in axis.ticks():
        yield Label(_LEFT - 8, axis.at(value) + 4, text, "end")


def _layer_labels(depth: Depth) -> Iterator[Label]:
    for number, label in enumerate(depth.labels):
        yield Label(depth.at(number) + 4, _BOTTOM + 16, label, "tilted")


def _divergence_labels(depth: Depth) -> Iterator[Label]:
    for number, divergence in enumerate(depth.divergences, start=1):
        for column in depth.columns_of(divergence):
            yield Label(depth.at(column), _TOP - 8, str(number), "parting")


def _spoken(divergences: Sequence[Divergence]) -> str:
    if not divergences:
        return "No layer diverges."
    return "Marked: " + ", ".join(f"{divergence.where} {divergence.reference}" for divergence in divergences) + "."
