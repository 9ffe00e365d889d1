"""Graphs that change tensors others look at: what is to be written must not."""

from typing import TYPE_CHECKING, Any

from porting.writing.functions.table import is_in_place, name_of

if TYPE_CHECKING:
    from torch.fx import Graph, Node

MAY_BE_VIEWS = {"reshape", "flatten", "contiguous", "to", "chunk", "tensor_split", "getitem", "narrow", "unflatten"}


def changes_views(graph: "Graph", constant: "set[Node]") -> bool:
    """Whether a call changes a tensor that another looks at, or one that no input reaches."""
    place = {node: at for at, node in enumerate(graph.nodes)}
    for node in graph.nodes:
        if node.op == "call_function" and is_in_place(node.target):
            changed: Any = node.args[0]
            if changed in constant or changed.op == "placeholder" or _is_view(changed):
                return True
            if any(_is_view(user) and any(place[u] > place[node] for u in user.users) for user in changed.users):
                return True
    return False


def _is_view(node: "Node") -> bool:
    if node.op != "call_function":
        return False
    if name_of(node.target) in MAY_BE_VIEWS:
        return True
    schema = getattr(node.target, "_schema", None)
    return bool(schema) and not schema.is_mutable and any(r.alias_info is not None for r in schema.returns)
