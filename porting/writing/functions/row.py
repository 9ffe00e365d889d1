"""How a row is made known, and what it works with."""

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, field
from typing import Any

from porting.writing.values.axes import Value


class NoRowError(Exception):
    """A function, or a way of calling it, that the table does not know; the text says which."""


@dataclass(slots=True)
class Target:
    """What rows compute with, or write with.

    Attributes
    ----------
    ops, layers : module or Expression
        ``keras.ops`` and ``keras.layers``, or their names.
    own : callable
        Name of a function or layer in `inserted` -> that, or its name, which is then written, too.
    kept : callable
        Data -> the same, as a variable where it is written: for what a row uses twice.
    unpacked : callable
        ``(data, count) ->`` that many data.
    is_batch : callable
        Whether a size is the number of samples, or a multiple of it.
    anchors : sequence of Value
        Values at hand that have the samples, the nearest first.
    drops_units : bool
        Whether the axes of length one of this result are dropped by all that read it.
    used : collection of int
        Which of several results are read.
    floatx : str or Expression
        The name of the type of floating-point numbers.
    sized : sequence of Value
        Values at hand that have sizes which follow the inputs', the nearest first.
    """

    ops: Any
    layers: Any
    own: Callable[[str], Any]
    kept: Callable[[Any], Any]
    unpacked: Callable[[Any, int], Sequence[Any]]
    is_batch: Callable[[int], bool] = lambda size: False
    anchors: Sequence[Value] = ()
    drops_units: bool = False
    used: Collection[int] = ()
    floatx: Any = "float32"
    sized: Sequence[Value] = ()


Row = Callable[..., Any]


@dataclass(slots=True)
class Rows:
    """Rows by the name of torch's function."""

    by_name: dict[str, Row] = field(default_factory=dict)

    def __call__(self, *names: str) -> Callable[[Row], Row]:
        """Make a row known under torch's names."""

        def known(row: Row) -> Row:
            self.by_name.update(dict.fromkeys(names, row))
            return row

        return known


row = Rows()
