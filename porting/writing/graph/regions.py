"""Parts of a forward without gradients or under autocast: their calls stand in the graph itself, and gradients end."""

import logging
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager, redirect_stderr
from io import StringIO
from typing import TYPE_CHECKING, Any

from porting.calls import inference_without_gradients
from porting.writing.functions.row import NoRowError
from porting.writing.graph.authors import own_place
from porting.writing.graph.known_values import known_values

if TYPE_CHECKING:
    import torch
    from torch.fx import Node

WITHOUT_GRADIENTS, UNDER_AUTOCAST = "wrap_with_set_grad_enabled", "wrap_with_autocast"
_TELLS = ("is_compiling", "is_dynamo_compiling", "is_exporting")
"""Functions of ``torch.compiler`` that tell a model that it does not run as it is."""
_WANTS_VALUES = ("data-dependent", "DataDependent", "Couldn't swap")
"""Of errors behind which values of tensors were asked for, or modules moved."""
CALLED_AT = {WITHOUT_GRADIENTS: 1, UNDER_AUTOCAST: 4}
"""Functions of the graph that call a graph of their own -> where that stands among their arguments."""


def exported_program(model: "torch.nn.Module", args: Sequence[Any], keywords: Mapping[str, Any]) -> Any:
    """What torch exports, a graph without graphs in it.

    Raises
    ------
    NoRowError
        If a part of it computes in half precision.
    torch's own error, whatever it is, where torch cannot export it.
    """
    import torch

    with torch.enable_grad(), inference_without_gradients(), _silent():
        program = _exported(model, args, keywords)
    module = program.graph_module
    while (wrapped := next((node for node in module.graph.nodes if _name(node) in CALLED_AT), None)) is not None:
        _put_in_place(program, wrapped)
    _tell_all_users(module.graph)
    module.recompile()
    return program


@contextmanager
def _silent() -> Iterator[None]:
    """Keep to oneself what torch says of an export that fails: its error is told, or another way is tried."""
    before = logging.root.manager.disable
    logging.disable(max(before, logging.WARNING))
    try:
        with redirect_stderr(StringIO()):
            yield
    finally:
        logging.disable(before)


def _exported(model: "torch.nn.Module", args: Sequence[Any], keywords: Mapping[str, Any]) -> Any:
    """What torch exports; where it fails, of a model that is not told of it, is answered by values and is not moved.

    Raises
    ------
    The first error, where all of that fails.
    """
    import torch

    first: Exception | None = None
    for ways in ((), (_as_it_runs,), (_unmoved, known_values), (_as_it_runs, _unmoved, known_values)):
        if known_values in ways and not any(word in f"{type(first).__name__} {first}" for word in _WANTS_VALUES):
            break
        with ExitStack() as stack:
            for way in ways:
                stack.enter_context(way(model))
            try:
                return torch.export.export(model, tuple(args), dict(keywords), strict=False)
            except Exception as error:  # torch raises what it likes
                first = first or error
    assert first is not None
    raise first


@contextmanager
def _as_it_runs(model: "torch.nn.Module") -> Iterator[None]:
    """Do not tell a model that it is exported: it does something else then, and fails there."""
    import torch

    held = {name: getattr(torch.compiler, name) for name in _TELLS}
    try:
        for name in held:
            setattr(torch.compiler, name, lambda: False)
        yield
    finally:
        for name, function in held.items():
            setattr(torch.compiler, name, function)


@contextmanager
def _unmoved(model: "torch.nn.Module") -> Iterator[None]:
    """Leave modules where they are that a forward moves to a device or to another kind of number."""
    import torch

    moving = torch.nn.Module.to
    try:
        torch.nn.Module.to = lambda self, *_, **__: self
        yield
    finally:
        torch.nn.Module.to = moving


def _tell_all_users(graph: "torch.fx.Graph") -> None:
    """Let each node know all that read it: torch forgets some where it moves calls to a graph of their own."""
    for node in graph.nodes:
        for read in node.all_input_nodes:
            read.users.setdefault(node)


def _name(node: "Node") -> str:
    return getattr(node.target, "__name__", "") if node.op == "call_function" else ""


def _put_in_place(program: Any, wrapped: "Node") -> None:
    """Put the calls of a part in the place of the call of that part."""
    module, place = program.graph_module, CALLED_AT[_name(wrapped)]
    called: Any = wrapped.args[place]
    inner = module.get_submodule(called.target)
    if _name(wrapped) == UNDER_AUTOCAST and wrapped.args[0] == "cpu" and wrapped.args[2]:
        raise NoRowError(
            f"{_place(inner.graph)} computes in half precision, by torch.autocast. "
            "Leave autocast to the caller, or give it enabled=False"
        )
    with module.graph.inserting_before(wrapped):
        results = _copied(module, inner, wrapped.args[place + 1 :])
        if _name(wrapped) == WITHOUT_GRADIENTS and not wrapped.args[0]:
            results = [_without_gradient(module.graph, node) for node in results]
    for user in list(wrapped.users):
        at: Any = user.args[1]
        result = results[at]
        user.replace_all_uses_with(result)
        module.graph.erase_node(user)
        for spec in program.graph_signature.output_specs:
            if spec.arg.name == user.name:
                spec.arg.name = result.name
    module.graph.erase_node(wrapped)
    module.graph.erase_node(called)


def _without_gradient(graph: "torch.fx.Graph", node: "Node") -> "Node":
    """A call behind which no gradient comes back, where there is one."""
    import torch

    value = node.meta.get("val")
    if not isinstance(value, torch.Tensor) or not value.is_floating_point():
        return node
    ended = graph.call_function(torch.ops.aten.detach.default, (node,))
    ended.meta = dict(node.meta)
    return ended


def _place(graph: "torch.fx.Graph") -> str:
    """Where the first call of a part stands."""
    traces = (node.meta.get("stack_trace") or "" for node in graph.nodes)
    place = next(filter(None, map(own_place, traces)), None)
    return ":".join(place) if place else "a part of it"


def _copied(module: "torch.fx.GraphModule", inner: Any, given: Sequence[Any]) -> list[Any]:
    """The nodes of an inner graph in the outer one; those that it returns."""
    held: dict[Any, Any] = dict(zip((n for n in inner.graph.nodes if n.op == "placeholder"), given, strict=True))
    for node in inner.graph.nodes:
        if node.op == "output":
            return [held[result] for result in node.args[0]]
        if node.op != "placeholder":
            held[node] = module.graph.node_copy(node, held.__getitem__)
        if node.op == "get_attr":
            name = f"inner_{len(list(module.graph.nodes))}"
            module.add_module(name, inner.get_submodule(node.target))
            held[node].target = name
    return []
