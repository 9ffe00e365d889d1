"""Two graphs of one model, exported for inputs of different sizes: what of it follows these."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from porting.writing.functions.table import name_of
from porting.writing.graph.exported import Exported
from porting.writing.graph.shapes import SIZES, plain_shapes
from porting.writing.values.sizes import sized

if TYPE_CHECKING:
    from torch.fx import Node


class OtherGraphError(Exception):
    """Torch computes otherwise for inputs of other sizes; the text says what.

    Attributes
    ----------
    node : Node
        The first call that differs.
    """

    def __init__(self, why: str, node: "Node") -> None:
        super().__init__(why)
        self.node = node


@dataclass(frozen=True, slots=True)
class _Call:
    """What both graphs say of a call: arguments, shapes."""

    args: tuple[Any, ...]
    kwargs: dict[str, Any]
    shapes: list[tuple[int, ...]]


@contextmanager
def beside_each_other(here: Exported, there: Exported) -> Iterator[tuple[Exported, Exported]]:
    """Both, whose sizes know what they are in the other, as long as they are needed.

    Raises
    ------
    OtherGraphError
        If they are not the same but for sizes.
    """
    nodes = _pairs(here, there)
    merged = [(_call(a, b), _call(b, a)) for a, b in nodes]
    known = _constants(here, there, nodes)
    before = [(node, node.args, node.kwargs) for pair in nodes for node in pair]
    try:
        for pair, calls in zip(nodes, merged, strict=True):
            for node, call in zip(pair, calls, strict=True):
                node.args, node.kwargs, node.meta[SIZES] = call.args, call.kwargs, call.shapes
        yield replace(here, others=known[0]), replace(there, others=known[1])
    finally:
        for node, args, kwargs in before:
            node.args, node.kwargs = args, kwargs
            node.meta.pop(SIZES, None)


def _pairs(here: Exported, there: Exported) -> "list[tuple[Node, Node]]":
    ours, theirs = (list(exported.graph.nodes) for exported in (here, there))
    same = {}
    for a, b in zip(ours, theirs, strict=False):
        same[a] = b
        if (a.op, name_of(a.target) if a.op == "call_function" else "") != (
            b.op,
            name_of(b.target) if b.op == "call_function" else "",
        ) or [same.get(n) for n in a.all_input_nodes] != b.all_input_nodes:
            raise OtherGraphError("torch computes otherwise for another size", a)
    if len(ours) != len(theirs):
        raise OtherGraphError("torch computes otherwise for another size", ours[min(len(ours), len(theirs)) - 1])
    return list(same.items())


def _call(a: "Node", b: "Node") -> _Call:
    """A call as the first graph has it, with the sizes of the second."""
    shapes = [
        tuple(map(sized, one, other)) if len(one) == len(other) else one
        for one, other in zip(plain_shapes(a), plain_shapes(b), strict=True)
    ]
    args, kwargs = _merged(a, tuple(a.args), tuple(b.args)), _merged(a, dict(a.kwargs), dict(b.kwargs))
    return _Call(args, kwargs, shapes)


def _merged(node: "Node", here: Any, there: Any) -> Any:
    if isinstance(here, Mapping) and isinstance(there, Mapping) and here.keys() == there.keys():
        return {name: _merged(node, value, there[name]) for name, value in here.items()}
    if isinstance(here, (list, tuple)) and isinstance(there, (list, tuple)) and len(here) == len(there):
        return type(here)([_merged(node, *both) for both in zip(here, there, strict=True)])
    if hasattr(here, "op") or here is there:
        return here
    if type(here) is int and type(there) is int:
        return sized(here, there)
    if type(here) is not type(there) or (isinstance(here, (int, float, str)) and here != there):
        raise OtherGraphError(
            f"computes with {here:.6g}, which is {there:.6g} for another size"
            if isinstance(here, float)
            else f"computes with {here}, and {there} for another size",
            node,
        )
    return here


def _constants(here: Exported, there: Exported, nodes: "list[tuple[Node, Node]]") -> "list[dict[Node, Any]]":
    """For either graph: constant -> what the other has there, where that is something else."""
    found: list[dict[Node, Any]] = [{}, {}]
    for a, b in nodes:
        if (a in here.constants) != (b in there.constants):
            raise OtherGraphError("torch computes otherwise for another size", a)
        if a in here.constants and not _are_equal(here.constants[a], there.constants[b]):
            found[0][a], found[1][b] = there.constants[b], here.constants[a]
    return found


def _are_equal(one: Any, other: Any) -> bool:
    import torch

    if isinstance(one, torch.Tensor) and isinstance(other, torch.Tensor):
        return torch.equal(one, other)
    if isinstance(one, (list, tuple)):
        return len(one) == len(other) and all(map(_are_equal, one, other))
    return one is other or one == other
