"""The arguments of a call of the exported graph, as rows take them."""

import ast
import inspect
import itertools
import math
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from porting.writing.functions.row import NoRowError
from porting.writing.functions.table import name_of
from porting.writing.graph.shapes import shape_of, shapes_of
from porting.writing.recording.constants import kind_of
from porting.writing.values.axes import Value
from porting.writing.values.expressions import Expression

if TYPE_CHECKING:
    from torch.fx import Node

CASTS = {"to", "_to_copy", "type_as"}
NOT_WRITTEN = {"pin_memory", "non_blocking", "layout", "memory_format", "device"}


def arguments_of(node: "Node", read: Callable[["Node"], Any]) -> tuple[list[Any], dict[str, Any]]:
    """Tensors as what `read` gives for them, types as their kind; without what says where a tensor lies."""
    if name_of(node.target) in CASTS:
        return [read(node.all_input_nodes[0])], {"dtype": kind_of(node.meta["val"].dtype)}
    args = [plain(arg, read) for arg in node.args if not _is_place(arg)]
    keywords = {key: plain(arg, read) for key, arg in node.kwargs.items() if not _is_place(arg)}
    return args, {key: arg for key, arg in keywords.items() if key not in NOT_WRITTEN}


def plain(arg: Any, read: Callable[["Node"], Any]) -> Any:
    """An argument as rows take it: a Value, a number, a list of them, or the kind of a type."""
    if isinstance(arg, (list, tuple)):
        return [plain(item, read) for item in arg]
    if hasattr(arg, "op"):
        return read(arg)
    return kind_of(arg) if type(arg).__name__ == "dtype" else arg


def _is_place(arg: Any) -> bool:
    return type(arg).__name__ in {"device", "layout", "memory_format"}


def called(row: Callable[..., Any], *args: Any, **keywords: Any) -> Any:
    """Call a row with arguments that it may not know.

    Raises
    ------
    NoRowError
        If it does not.
    """
    try:
        inspect.signature(row).bind(*args, **keywords)
    except TypeError as error:
        raise NoRowError(f"its row does not know how it is called: {error}") from error
    try:
        return row(*args, **keywords)
    except (ArithmeticError, LookupError, ValueError, TypeError, AttributeError) as error:
        raise NoRowError(f"its row fails: {type(error).__name__}: {error}") from error


def item_of(values: Sequence[Any], at: int) -> Any:
    """One of several results of a call.

    Raises
    ------
    NoRowError
        If its row does not write that one.
    """
    if at >= len(values):
        raise NoRowError(f"its result number {at} is not written")
    return values[at]


def check(made: Any, node: "Node") -> Any:
    """Refuse what has not torch's shape or kind of number: a row would have written something else than torch does.

    Returns
    -------
    What the row made, with what is known of its sizes.
    """
    if isinstance(made, (list, tuple)):
        known = node.meta.get("val")
        tensors = known if isinstance(known, (list, tuple)) else [known]
        known = zip(made, tensors, shapes_of(node), strict=False)
        return [*itertools.starmap(_checked, known), *made[len(tensors) :]]
    return _checked(made, node.meta.get("val"), shape_of(node))


def _checked(value: Any, tensor: Any, shape: tuple[int, ...]) -> Any:
    if not isinstance(value, Value) or not hasattr(tensor, "shape"):
        return value
    said = tuple(map(int, value.shape)), value.dtype
    true = tuple(map(int, shape)), kind_of(tensor.dtype)
    if said != true:
        raise NoRowError(f"its row gives {said[1]} {said[0]} where torch gives {true[1]} {true[0]}")
    return value if value.shape == shape else replace(value, shape=shape)


def check_samples(made: Any, samples: int) -> None:
    """Refuse what holds the number of samples that the graph was exported with: a port takes any."""
    for value in made if isinstance(made, (list, tuple)) else [made]:
        if isinstance(value, Value) and isinstance(value.data, Expression):
            literals = (item.value for item in ast.walk(value.data.tree) if isinstance(item, ast.Constant))
            if any(_counts(literal, samples) for literal in literals):
                raise NoRowError("computes with the number of samples: a port computes each sample by itself")


def _counts(literal: Any, samples: int) -> bool:
    """Whether a number is made of the number of samples: a multiple, a share, or the root of one."""
    if not isinstance(literal, (int, float)) or not literal or not math.isfinite(literal):
        return False
    return any(_is_multiple(number, samples) or _is_multiple(1 / number, samples) for number in (literal, literal**2))


def _is_multiple(number: float, samples: int) -> bool:
    times = number / samples
    return 0.5 <= abs(times) <= 1e6 and math.isclose(times, round(times), rel_tol=1e-12)
