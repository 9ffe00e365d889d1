"""Functional models run in the order in which their calls were written: Keras goes by depth, and may turn them round.

Of a layer that is called several times each call is compared with the reference's of the same number.
"""

from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import keras


@contextmanager
def written_order(model: "keras.Model") -> Iterator[None]:
    """Let a model, and those within it, run so that the calls of each layer come in the order in which it got them."""
    with ExitStack() as stack:
        for inner in model._flatten_layers():
            by_depth = vars(inner).get("_nodes_by_depth")
            nodes = [node for depth in sorted(by_depth, reverse=True) for node in by_depth[depth]] if by_depth else []
            if len({id(node.operation) for node in nodes}) < len(nodes):
                ordered = _ordered(nodes)
                vars(inner)["_nodes_by_depth"] = {len(ordered) - at: [node] for at, node in enumerate(ordered)}
                stack.callback(vars(inner).__setitem__, "_nodes_by_depth", by_depth)
        yield


def _ordered(nodes: Sequence[Any]) -> list[Any]:
    """Nodes behind those that they read, and behind the earlier calls of their own operation."""
    known = {id(node) for node in nodes}
    before = {
        id(node): [other for other in (*node.parent_nodes, *_earlier(node)) if id(other) in known] for node in nodes
    }
    done: dict[int, Any] = {}
    waiting = list(reversed(nodes))
    while waiting:
        node = waiting[-1]
        open_ones = [other for other in before[id(node)] if id(other) not in done]
        if open_ones and id(node) not in done:
            waiting += open_ones
        else:
            done.setdefault(id(node), waiting.pop())
    return list(done.values())


def _earlier(node: Any) -> Sequence[Any]:
    """The calls of an operation before this one."""
    calls = node.operation._inbound_nodes if node.operation is not None else []
    return calls[: calls.index(node)] if node in calls else []
