"""The shapes of what calls of an exported graph make, whose sizes may follow the inputs'."""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from torch.fx import Node

SIZES = "sizes"
"""Where a node keeps its shapes, if some of their sizes follow the inputs'."""


def shape_of(node: "Node") -> tuple[int, ...]:
    """The shape of the one tensor that a call makes."""
    return shapes_of(node)[0]


def shapes_of(node: "Node") -> list[tuple[int, ...]]:
    """The shape of each tensor that a call makes; empty for what has none."""
    return node.meta.get(SIZES) or plain_shapes(node)


def plain_shapes(node: "Node") -> list[tuple[int, ...]]:
    """The shapes for the inputs that the graph was exported with."""
    made: Any = node.meta.get("val")
    return [
        tuple(map(int, tensor.shape)) if hasattr(tensor, "shape") else ()
        for tensor in (made if isinstance(made, (list, tuple)) else [made])
    ]
