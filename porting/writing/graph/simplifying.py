"""Calls that change nothing, or that a shorter argument says: masks that let all through, sums with nothing."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from porting.writing.functions.table import name_of
from porting.writing.graph.shapes import shape_of

if TYPE_CHECKING:
    from torch.fx import Node

BROADCASTS = {
    "add", "sub", "rsub", "mul", "div", "pow", "where", "masked_fill", "maximum", "minimum", "eq", "ne", "lt", "le",
    "gt", "ge", "logical_and", "logical_or", "logical_xor", "bitwise_and", "bitwise_or", "bitwise_xor", "__and__",
    "__or__", "__xor__", "floor_divide", "remainder", "addcmul",
}  # fmt: skip
"""Functions that take a number for a tensor that has it everywhere, and one axis of length one for any."""
NEUTRAL = {"add": 0, "sub": 0, "mul": 1, "div": 1, "masked_fill": False, "logical_and": True, "logical_or": False}
NEUTRAL |= {"bitwise_and": True, "bitwise_or": False, "__and__": True, "__or__": False}
COMMUTE = {"add", "mul", "logical_and", "logical_or", "bitwise_and", "bitwise_or", "__and__", "__or__"}


def passed_through(node: "Node", constants: "Mapping[Node, Any]") -> "Node | None":
    """The argument that a call gives back as it is; None where it does something."""
    name = name_of(node.target)
    if name == "where" and len(node.args) == 3:
        number = uniform_number(node.args[0], constants)
        kept: Any = None if number is None else node.args[1] if number else node.args[2]
        return kept if _is_same(kept, node) else None
    if name == "detach" and node in constants:
        return node.all_input_nodes[0]
    if name not in NEUTRAL or len(node.args) < 2 or node.kwargs:
        return None
    pairs: list[tuple[Any, Any]] = [(node.args[1], node.args[0]), (node.args[0], node.args[1])]
    for given, other in pairs[: 2 if name in COMMUTE else 1]:
        number = given if isinstance(given, (int, float, bool)) else uniform_number(given, constants)
        is_bool = isinstance(NEUTRAL[name], bool)
        if number is not None and number == NEUTRAL[name] and isinstance(number, bool) == is_bool:
            return other if _is_same(other, node) else None
    return None


def _is_same(kept: Any, node: "Node") -> bool:
    if not hasattr(kept, "meta") or kept.meta.get("val") is None:
        return False
    one, other = kept.meta["val"], node.meta["val"]
    return shape_of(kept) == shape_of(node) and one.dtype == other.dtype


def uniform_number(node: Any, constants: "Mapping[Node, Any]") -> float | int | bool | None:
    """The number that a constant has everywhere; None where it is none, or has several."""
    array = constants.get(node) if hasattr(node, "op") else None
    if array is None or not hasattr(array, "numel") or not array.numel() or array.is_complex():
        return None
    first = array.flatten()[0]
    return first.item() if (array == first).all() else None


def attention_mask(mask: Any, query: "Node", constants: "Mapping[Node, Any]") -> str:
    """What a constant mask lets through: "all", "causal", or "" for anything else."""
    array = constants.get(mask) if hasattr(mask, "op") else None
    if array is None:
        return ""
    lets = array if str(array.dtype) == "torch.bool" else array == 0
    if lets.all():
        return "all"
    if str(array.dtype) != "torch.bool" and not (lets | (array == float("-inf"))).all():
        return ""
    square = lets.shape[-1] == lets.shape[-2] == query.meta["val"].shape[-2]
    return "causal" if square and bool((lets == lets.new_ones(lets.shape[-2:]).tril()).all()) else ""
