"""How a model computes tensors that no checkpoint has, in ``__init__`` or as it first runs: the calls, as a graph."""

import warnings
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from porting.writing.functions.table import name_of

if TYPE_CHECKING:
    import torch
    from torch.fx import Graph, Node

MOST_ELEMENTS = 1 << 22
"""Of a tensor whose making is remembered: larger ones are no tables."""
DRAWN = ("random", "normal", "uniform", "bernoulli", "rand", "exponential", "geometric", "cauchy", "multinomial")
"""What functions are called that draw."""


@dataclass(frozen=True, slots=True)
class Origins:
    """The calls that made some tensors that a model keeps.

    Attributes
    ----------
    graph : torch.fx.Graph
        Without changes in place.
    known : Mapping
        Name of a node -> the tensor that it is, for what the code wrote down.
    made : Mapping
        Path of a tensor -> the node that it is.
    """

    graph: "Graph"
    known: "Mapping[str, torch.Tensor]"
    made: "Mapping[str, Node]"


@dataclass(slots=True)
class _Call:
    function: Any
    args: Sequence[Any]
    keywords: Mapping[str, Any]
    returned: Any

    def read(self) -> list["torch.Tensor"]:
        return _tensors((self.args, self.keywords))

    def made(self) -> list["torch.Tensor"]:
        return _tensors(self.returned)


@dataclass(slots=True)
class _Program:
    """Calls in a row, as a module that torch can export."""

    graph: "Graph"
    nodes: "dict[int, Node]" = field(default_factory=dict)
    held: "dict[str, torch.Tensor]" = field(default_factory=dict)

    def add(self, call: _Call) -> None:
        """Write a call down."""
        import operator

        from torch.utils import _pytree as tree

        args, keywords = tree.tree_map(self._node, (tuple(call.args), dict(call.keywords)))
        node = self.graph.call_function(call.function, args, keywords)
        several = isinstance(call.returned, (list, tuple))
        for at, tensor in enumerate(call.made()):
            made = self.graph.call_function(operator.getitem, (node, at)) if several else node
            self.nodes.setdefault(id(tensor), made)

    def _node(self, value: Any) -> Any:
        import torch

        if not isinstance(value, torch.Tensor):
            return value
        if id(value) not in self.nodes:
            name = f"held_{len(self.held)}"
            self.held[name] = value.detach().clone()
            self.nodes[id(value)] = self.graph.get_attr(name)
        return self.nodes[id(value)]


def origins_of(
    build: "Callable[[], torch.nn.Module]",
    paths: Collection[str],
    run: "Callable[[torch.nn.Module], None] | None" = None,
) -> Origins | None:
    """Build a model once more and see how it makes tensors that it keeps; None where torch cannot follow that.

    It is `run`, too, where it has not made all of them then.
    """
    import torch
    from torch.export.graph_signature import OutputKind

    calls, model = _seen(build, paths, run)
    wanted = _made_among(calls, model, paths)
    if not wanted:
        return None
    program = _Program(torch.fx.Graph())
    for call in _needed(calls, wanted.values()):
        program.add(call)
    program.graph.output(tuple(program.nodes[id(tensor)] for tensor in wanted.values()))
    module = torch.fx.GraphModule(program.held, program.graph)
    try:
        with warnings.catch_warnings(action="ignore"):  # torch copies graphs by what it has deprecated
            exported = torch.export.export(module, (), strict=False).run_decompositions({})
    except Exception:  # torch raises what it likes
        return None
    _without_copies(exported.graph)
    outputs: Any = next(iter(reversed(exported.graph.nodes))).args[0]
    signature = exported.graph_signature
    are_own = [spec.kind is OutputKind.USER_OUTPUT for spec in signature.output_specs]  # others: what was changed
    returned = [node for node, is_own in zip(outputs, are_own, strict=True) if is_own]
    held = {**exported.state_dict, **exported.constants}
    known = {spec.arg.name: held[str(spec.target)] for spec in signature.input_specs}
    return Origins(exported.graph, known, dict(zip(wanted, returned, strict=True)))


def attribute(model: "torch.nn.Module", path: str) -> Any:
    """What a model keeps under a path, None where that is a name that torch's export gave."""
    held: Any = model
    for name in path.split("."):
        held = getattr(held, name, None)
    return held


def _without_copies(graph: "Graph") -> None:
    """Let what is copied into a tensor of its own shape and type be that tensor."""
    for node in graph.nodes:
        if node.op == "call_function" and name_of(node.target) == "copy":
            into, source = (read.meta["val"] for read in node.args[:2])
            if (into.shape, into.dtype) == (source.shape, source.dtype):
                node.replace_all_uses_with(node.args[1])
    graph.eliminate_dead_code()


def _made_among(calls: Sequence[_Call], model: "torch.nn.Module", paths: Collection[str]) -> "dict[str, torch.Tensor]":
    """Path -> tensor, of those that calls made."""
    made = {id(tensor) for call in calls for tensor in call.made()}
    return {path: tensor for path in paths if id(tensor := attribute(model, path)) in made}


def _seen(
    build: "Callable[[], torch.nn.Module]", paths: Collection[str], run: "Callable[[torch.nn.Module], None] | None"
) -> "tuple[list[_Call], torch.nn.Module]":
    """The calls by which a model is built, and run, but for those that draw and those that make large tensors."""
    from torch.utils._python_dispatch import TorchDispatchMode

    calls: list[_Call] = []

    class Seeing(TorchDispatchMode):
        def __torch_dispatch__(self, func, types, args=(), kwargs=None):
            returned = func(*args, **(kwargs or {}))
            name = func.__name__.lstrip("_")
            if not name.startswith(DRAWN) and all(tensor.numel() <= MOST_ELEMENTS for tensor in _tensors(returned)):
                calls.append(_Call(func, args, kwargs or {}, returned))
            return returned

    with Seeing():
        model = build()
        if run is not None and len(_made_among(calls, model, paths)) < len(paths):
            run(model)
    return calls, model


def _needed(calls: Sequence[_Call], wanted: "Iterable[torch.Tensor]") -> list[_Call]:
    """Those that make what is wanted, or change what that is made of."""
    storages = {_storage(tensor) for tensor in wanted}
    needed = []
    for call in reversed(calls):
        changed = call.read() if call.function._schema.is_mutable else []
        if any(_storage(tensor) in storages for tensor in (*call.made(), *changed)):
            needed.append(call)
            storages |= {_storage(tensor) for tensor in call.read()}
    return needed[::-1]


def _storage(tensor: "torch.Tensor") -> int:
    return tensor.untyped_storage()._cdata


def _tensors(values: Any) -> "list[torch.Tensor]":
    import torch
    from torch.utils import _pytree as tree

    return [value for value in tree.tree_leaves(values) if isinstance(value, torch.Tensor)]
