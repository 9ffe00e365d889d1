"""Say by named axes how the values of what was written stand to torch's."""

from collections.abc import Sequence

from porting.writing.values.axes import Value

_NAMES = {
    1: ("sample",),
    2: ("sample", "feature"),
    3: ("sample", "position", "feature"),
    4: ("sample", "channel", "row", "column"),
    5: ("sample", "channel", "plane", "row", "column"),
}


def pattern_of(value: Value) -> str:
    """The axis pattern of an input or an output: ``"sample channel row column -> sample row column channel"``."""
    names = _names(value)
    return f"{' '.join(names)} -> {' '.join(names[axis] for axis in value.axes)}"


def array_pattern(shape: Sequence[int], axes: Sequence[int]) -> str:
    """The axis pattern of one of the model's own arrays; axes of length one may be left out."""
    names = [f"axis_{axis}" if axis in axes else "1" for axis in range(len(shape))]
    return f"{' '.join(names)} -> {' '.join(names[axis] for axis in axes)}"


def _names(value: Value) -> tuple[str, ...]:
    """The words for torch's axes; the samples are those that are held first."""
    moved = value.axes != tuple(range(value.rank))
    words = ("sample", "channel", "point") if value.rank == 3 and moved else _NAMES.get(value.rank)
    words = ("sample", "frame", "channel", "row", "column") if value.rank == 5 and value.axes[-1] == 2 else words
    others = list((words or ("sample", *(f"axis_{axis}" for axis in range(1, value.rank))))[1:])
    samples = value.axes[0] if value.axes else 0
    return (*others[:samples], "sample", *others[samples:]) if value.rank else ()
