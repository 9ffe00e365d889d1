"""What no input reaches but by its shape: computed once, as torch computes it."""

import operator
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from math import prod
from typing import TYPE_CHECKING, Any

from porting.writing.functions.table import is_in_place, name_of
from porting.writing.graph.marks import DROPOUTS
from porting.writing.graph.simplifying import BROADCASTS

if TYPE_CHECKING:
    import torch
    from torch.fx import Graph, Node

SHAPE_ALONE = {
    "zeros_like", "ones_like", "full_like", "new_zeros", "new_ones", "new_full", "new_tensor", "fill",
}  # fmt: skip
NEVER = {"empty", "empty_like", "new_empty", "rand", "randn", "rand_like", "randn_like", "randint", "randperm"}
NEVER |= {"bernoulli", "multinomial", "normal", "drop_path", "noise", "multi_head_attention", *DROPOUTS.values()}
MOST_ELEMENTS = 1 << 26
FEW = 3
"""How many samples are computed: what is the same for these is the same for all."""


def folded(graph: "Graph", known: Mapping[str, "torch.Tensor"], samples: int) -> dict["Node", Any]:
    """Node -> its value for a few samples, for all that depends on no input and no weight.

    Parameters
    ----------
    graph : torch.fx.Graph
    known : Mapping
        Placeholder -> its value, for those that are no input and no weight.
    samples : int
        The number of samples of the graph.
    """
    import torch

    values: dict[Node, Any] = {node: _exact(known[node.name]) for node in graph.nodes if node.name in known}
    with torch.no_grad(), _numbers_in_float64():
        for node in graph.nodes:
            if node.op == "call_function" and _is_constant(node, values, samples):
                args, keywords = (_filled(_few(a, samples), values) for a in (node.args, _with_type(node)))
                if name_of(node.target) in SHAPE_ALONE and node.args[0] not in values:
                    args = (_stand_in(node.args[0], samples), *args[1:])
                values[node] = _exact(node.target(*args, **keywords))
    return values


@contextmanager
def _numbers_in_float64() -> Iterator[None]:
    """Let what whole numbers and numbers of Python give together be float64."""
    import torch

    before = torch.get_default_dtype()
    torch.set_default_dtype(torch.float64)
    try:
        yield
    finally:
        torch.set_default_dtype(before)


def constant_nodes(graph: "Graph", known: Mapping[str, "torch.Tensor"]) -> "set[Node]":
    """Those that depend on no input and no weight, in place or not."""
    found = {node for node in graph.nodes if node.name in known}
    for node in graph.nodes:
        read = list(node.all_input_nodes)
        if node.op == "call_function" and (name_of(node.target) in SHAPE_ALONE or all(n in found for n in read)):
            found.add(node)
    return found


def _counts(arg: Any, samples: int) -> bool:
    """Whether an argument is a number of samples, or a multiple of it."""
    return isinstance(arg, int) and not isinstance(arg, bool) and arg != 0 and arg % samples == 0


def _few(args: Any, samples: int) -> Any:
    """Arguments in which sizes that are numbers of samples are those of a few."""
    from torch.fx.node import map_aggregate

    def fewer(arg: Any) -> Any:
        return arg // samples * FEW if _counts(arg, samples) else arg

    return map_aggregate(args, fewer)


def _is_constant(node: "Node", values: Mapping["Node", Any], samples: int) -> bool:
    name = name_of(node.target)
    if is_in_place(node.target) or name in NEVER or any(is_in_place(user.target) for user in node.users):
        return False
    if name in BROADCASTS and any(_counts(arg, samples) for arg in node.args):
        return False
    value: Any = node.meta.get("val")
    if value is None and node.target is not operator.getitem:
        return False
    shape = tuple(value.shape) if value is not None and hasattr(value, "shape") else ()
    if not all(isinstance(size, int) for size in shape):  # it depends on the values of an input
        return False
    if prod(_few(shape, samples)) > MOST_ELEMENTS:
        return False
    read = node.all_input_nodes[1:] if name in SHAPE_ALONE else node.all_input_nodes
    return all(n in values for n in read)


def _exact(value: Any) -> Any:
    """Floating-point numbers in float64, so that what is computed of them is not rounded on the way."""
    import torch

    is_float = isinstance(value, torch.Tensor) and value.is_floating_point()
    return value.double() if is_float else value


def _with_type(node: "Node") -> dict[str, Any]:
    """Keywords by which functions that make numbers compute in float64."""
    import torch

    made = node.meta.get("val")
    is_float = isinstance(made, torch.Tensor) and made.is_floating_point()
    schema = getattr(node.target, "_schema", None)
    if not is_float or schema is None or "dtype" not in {argument.name for argument in schema.arguments}:
        return dict(node.kwargs)
    return {**node.kwargs, "dtype": torch.float64} if not _dtype_in(node.args) else dict(node.kwargs)


def _dtype_in(args: Any) -> bool:
    import torch

    return any(isinstance(arg, torch.dtype) for arg in args)


def _stand_in(node: Any, samples: int) -> "torch.Tensor":
    """A tensor of the same shape and type, whose values are never looked at."""
    import torch

    return _exact(torch.empty(1, dtype=node.meta["val"].dtype)).expand(
        _few(tuple(map(int, node.meta["val"].shape)), samples)
    )


def _filled(args: Any, values: Mapping["Node", Any]) -> Any:
    from torch.fx.node import map_arg

    filled = map_arg(args, lambda n: values.get(n, n))
    return _doubled(filled)


def _doubled(args: Any) -> Any:
    import torch

    if isinstance(args, (list, tuple)):
        return type(args)(map(_doubled, args))
    is_float = isinstance(args, torch.dtype) and args.is_floating_point
    return torch.float64 if is_float else args
