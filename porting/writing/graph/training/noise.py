"""What a model draws while it trains alone: written from the graph of training, where evaluation leaves noise out."""

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from porting.drops import drawing_modules
from porting.writing.functions.table import is_in_place, name_of
from porting.writing.graph.marks import DROPOUTS, noise
from porting.writing.graph.shapes import shape_of

if TYPE_CHECKING:
    import torch
    from torch.fx import Graph, Node

DRAWS = {
    "rand", "randn", "rand_like", "randn_like", "randint", "randint_like", "randperm", "normal", "normal_functional",
    "bernoulli", "multinomial", "uniform", "exponential",
}  # fmt: skip
GREATEST_SPREAD = 1.0
"""Of what Keras' ``GaussianNoise`` adds."""
CLOSE = 1e-4

Inputs = tuple[Sequence[Any], Mapping[str, Any]]


def with_noise(program: Any, model: "torch.nn.Module", given: Inputs, many: Inputs, export: Callable[..., Any]) -> Any:
    """The program of a model whose own modules draw normal numbers while they train, which evaluation leaves out.

    Parameters
    ----------
    program : torch.export.ExportedProgram
        Of evaluation; given back where nothing of that kind is drawn, or it cannot be said.
    model : torch.nn.Module
    given, many : tuple
        Arguments with few samples, and those that were exported with.
    export : callable
        (model, args, keywords) -> a program.
    """
    drawing = drawing_modules(model, lambda: model(*given[0], **given[1]))
    if not drawing or _draws(program.graph):
        return program
    try:
        for module in drawing:
            module.training = True
        trained = export(model, *many)
    except Exception:  # torch raises what it likes
        return program
    finally:
        model.eval()
    if not _name_noise(trained.graph) or not _drops_alike(trained.graph, program.graph):
        return program
    trained.graph_module.recompile()
    return trained if _gives_alike(trained, model, given, many) else program


def _draws(graph: "Graph") -> "list[Node]":
    return [node for node in graph.nodes if node.op == "call_function" and name_of(node.target) in DRAWS]


def _name_noise(graph: "Graph") -> bool:
    """Let what draws normal numbers be calls of `noise`; whether nothing else is drawn."""
    for node in _draws(graph):
        into = _filled_with_noise(node)
        if into is None:
            return False
        _add_at_once(graph, _named(graph, node, *into))
    return True


def _named(graph: "Graph", node: "Node", function: Any, args: tuple[Any, ...], spread: float) -> "Node":
    """The call of `noise` in the place of another one, and of what that changes."""
    with graph.inserting_before(node):
        zeros = _like(graph, node, function, args)
        drawn = _like(graph, node, noise(), (zeros, spread))
    filled: Any = node.args[0]
    if is_in_place(node.target):
        filled.replace_all_uses_with(drawn, delete_user_cb=lambda user: user not in (zeros, node))
    node.replace_all_uses_with(drawn)
    graph.erase_node(node)
    return drawn


def _filled_with_noise(node: "Node") -> tuple[Any, tuple[Any, ...], float] | None:
    """What makes zeros of the same shape, and the spread; None for any other draw."""
    import torch

    name = name_of(node.target)
    zeros_like, zeros = torch.ops.aten.zeros_like.default, torch.ops.aten.zeros.default
    if name == "randn_like":
        return zeros_like, node.args[:1], 1.0
    if name == "randn":
        return zeros, node.args[:1], 1.0
    if name not in ("normal", "normal_functional") or len(node.all_input_nodes) != 1:
        return None
    given: dict[str, Any] = dict(zip(("mean", "std"), node.args[1:], strict=False)) | dict(node.kwargs)
    mean, spread = given.get("mean", 0.0), given.get("std", 1.0)
    is_plain = mean == 0 and isinstance(spread, (int, float)) and 0 <= spread <= GREATEST_SPREAD
    return (zeros_like, node.args[:1], float(spread)) if is_plain else None


def _like(graph: "Graph", node: "Node", function: Any, args: tuple[Any, ...]) -> "Node":
    """A call that makes a tensor like that of another one, where that stands."""
    made = graph.call_function(function, args)
    made.meta = dict(node.meta)
    return made


def _add_at_once(graph: "Graph", drawn: "Node") -> None:
    """What adds noise of a spread that is a number is one call."""
    (added, spread), first = (drawn, 1.0), next(iter(drawn.users), None)
    if first is not None and name_of(first.target) == "mul" and len(first.args) == 2 and len(first.users) == 1:
        others = [arg for arg in first.args if arg is not drawn]
        if len(others) == 1 and isinstance(others[0], (int, float)):
            added, spread = first, float(others[0])
    total = next(iter(added.users), None)
    if total is None or name_of(total.target) != "add" or total.kwargs or not 0 <= spread <= GREATEST_SPREAD:
        return
    onto: Any = next((arg for arg in total.args if arg is not added), None)
    if len(drawn.users) == len(added.users) == 1 and hasattr(onto, "op") and shape_of(onto) == shape_of(total):
        with graph.inserting_before(total):
            noisy = _like(graph, total, noise(), (onto, spread))
        total.replace_all_uses_with(noisy)
        graph.eliminate_dead_code()


def _drops_alike(trained: "Graph", graph: "Graph") -> bool:
    """Whether both graphs drop at the same calls, which then do in training alone."""
    ours, theirs = (
        [node for node in held.nodes if node.op == "call_function" and name_of(node.target) in DROPOUTS.values()]
        for held in (trained, graph)
    )
    if [node.target for node in ours] != [node.target for node in theirs]:
        return False
    for left, right in zip(ours, theirs, strict=True):
        left.args = (*left.args[:2], *right.args[2:])
    return True


def _gives_alike(trained: Any, model: "torch.nn.Module", given: Inputs, many: Inputs) -> bool:
    """Whether a program gives what a model gives in evaluation."""
    import torch
    from torch.utils import _pytree as tree

    def repeated(few: Any, lots: Any) -> Any:
        is_sampled = isinstance(few, torch.Tensor) and few.ndim
        return few[torch.arange(len(lots)) % len(few)] if is_sampled else few

    args = [repeated(*both) for both in zip(given[0], many[0], strict=True)]
    keywords = {name: repeated(value, many[1][name]) for name, value in given[1].items()}
    with torch.no_grad():
        found, wanted = (tree.tree_leaves(run(*args, **keywords)) for run in (trained.module(), model))
    return len(found) == len(wanted) and all(
        left.shape == right.shape and torch.allclose(left, right, CLOSE, CLOSE * float(right.abs().max()))
        for left, right in zip(found, wanted, strict=True)
        if isinstance(left, torch.Tensor) and isinstance(right, torch.Tensor) and right.is_floating_point()
    )
