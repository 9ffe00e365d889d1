"""Parts of a forward that stand under a context of torch's: in one graph with the rest."""

import operator
from typing import TYPE_CHECKING, Any

from porting.writing.functions.table import name_of

if TYPE_CHECKING:
    from torch.fx import GraphModule, Node

GRADIENTS, PRECISION = "wrap_with_set_grad_enabled", "wrap_with_autocast"
GIVEN = {GRADIENTS: 1, PRECISION: 4}
"""Contexts that torch exports with a graph of their own -> how many arguments stand before that graph."""
_ENABLED = 2


def without_regions(module: "GraphModule") -> "GraphModule":
    """Put the graphs of contexts where they are called; what is made where gradients end is detached.

    One under autocast that is enabled computes in another precision, and stays.
    """
    for node in list(module.graph.nodes):
        name = name_of(node.target) if node.op == "call_function" else ""
        if name in GIVEN and not (name == PRECISION and node.args[_ENABLED]):
            _inline(module, node, name)
    return module


def _inline(module: "GraphModule", node: "Node", name: str) -> None:
    import torch

    held: Any = node.args[GIVEN[name]]
    inner: Any = module.get_submodule(held.target)
    without_regions(inner)
    places = [one for one in inner.graph.nodes if one.op == "placeholder"]
    given: Any = node.args[GIVEN[name] + 1 :]
    values: dict[Any, Any] = dict(zip(places, given, strict=True))
    ends = name == GRADIENTS and not node.args[0]
    with module.graph.inserting_before(node):
        returned: Any = module.graph.graph_copy(inner.graph, values)
        for user in list(node.users):
            assert user.target is operator.getitem
            made: Any = returned[user.args[1]]
            if ends and made not in given:
                detached = module.graph.call_function(torch.ops.aten.detach.default, (made,))
                detached.meta = dict(made.meta)
                made = detached
            user.replace_all_uses_with(made)
            module.graph.erase_node(user)
    module.graph.erase_node(node)
