"""Calls of the exported graph that make or read complex numbers: pairs of a real and an imaginary part."""

from collections.abc import Callable, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any

from porting.writing.arguments import arguments_of, called, check
from porting.writing.functions.complexes import PART_BY_PART, complex_row
from porting.writing.functions.row import NoRowError, Target
from porting.writing.functions.table import FUNCTION_ROWS

if TYPE_CHECKING:
    from torch.fx import Node

Read = Callable[["Node", "Node"], Any]


def is_complex(node: "Node") -> bool:
    """Whether a call makes or reads complex numbers."""
    return any(
        hasattr(tensor, "is_complex") and tensor.is_complex()
        for one in (node, *node.all_input_nodes)
        for tensor in _several(one.meta.get("val"))
    )


def complex_call(node: "Node", name: str, target: Target, argument: Read) -> Any:
    """What a call makes, by its row for complex numbers, or doing the same to either part.

    Parameters
    ----------
    node : torch.fx.Node
    name : str
    target : Target
    argument : callable
        ``(what is read, the call) ->`` what has been written for it.

    Raises
    ------
    NoRowError
        If it cannot be written.
    """
    if name in complex_row.by_name:
        args, keywords = arguments_of(node, lambda read: argument(read, node))
        made = called(complex_row.by_name[name], target, *args, **keywords)
        check(made, node)
        return made
    if name not in PART_BY_PART or name not in FUNCTION_ROWS:
        raise NoRowError("the table of functions has no row for it with complex numbers")
    parts = []
    for number in (0, 1):
        args, keywords = arguments_of(node, partial(_part, node=node, number=number, argument=argument))
        parts.append(called(FUNCTION_ROWS[name], target, *args, **keywords))
        check(parts[-1], node)
    return [list(both) for both in zip(*parts, strict=True)] if isinstance(parts[0], list) else parts


def _part(read: "Node", node: "Node", number: int, argument: Read) -> Any:
    """One part of an argument; what is no complex number is the same for both."""
    value = argument(read, node)
    is_pair = isinstance(value, list) and read.meta["val"].is_complex()
    return value[number] if is_pair else value


def _several(known: Any) -> Sequence[Any]:
    return known if isinstance(known, (list, tuple)) else [known]
