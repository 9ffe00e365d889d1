"""How often a model drops in training, where it gives other rates in evaluation."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from porting.drops import Dropping
from porting.writing.graph.marks import DROPOUTS, whole_modules
from porting.writing.graph.regions import exported_program

if TYPE_CHECKING:
    import torch
    from torch.fx import Graph, Node

RATE_AT = {"scaled_dot_product_attention": 4, **dict.fromkeys(DROPOUTS.values(), 1)}
"""Functions that drop -> where their rate stands among the arguments."""


def with_training_rates(
    graph: "Graph",
    model: "torch.nn.Module",
    args: Sequence[Any],
    keywords: Mapping[str, Any],
    dropping: Sequence[Dropping] = (),
) -> None:
    """Give what a graph of evaluation drops the rate that it has in training, where it has none."""
    held = _droppers(graph)
    if all(map(_rate, held)):
        return
    for node, rate in zip(held, _rates(model, args, keywords, held, dropping), strict=True):
        if rate:
            at = RATE_AT[_name(node)]
            node.args = (*node.args[:at], *(None,) * (at - len(node.args)), rate, *node.args[at + 1 :])
            node.kwargs = {name: value for name, value in node.kwargs.items() if name != "dropout_p"}


def _rates(
    model: "torch.nn.Module",
    args: Sequence[Any],
    keywords: Mapping[str, Any],
    held: "Sequence[Node]",
    dropping: Sequence[Dropping],
) -> list[float]:
    """The rates of calls, where the model trains; or where those modules alone do that call, if else it draws more.

    Zeros where it cannot be exported so, or calls others: the verdict says what is not dropped as it should be.
    """
    names = list(map(_name, held))
    for training in (list(model.modules()), [_caller(node, model) for node in held if not _rate(node)]):
        found = _droppers_in_training(model, training, args, keywords, dropping)
        if list(map(_name, found)) == names:
            return list(map(_rate, found))
    return [0.0] * len(held)


def _caller(node: "Node", model: "torch.nn.Module") -> "torch.nn.Module":
    """The module whose forward a call stands in."""
    stack = list((node.meta.get("nn_module_stack") or {}).values())
    return model.get_submodule(stack[-1][0].partition("@")[0]) if stack else model


def _droppers_in_training(
    model: "torch.nn.Module",
    training: "Sequence[torch.nn.Module]",
    args: Sequence[Any],
    keywords: Mapping[str, Any],
    dropping: Sequence[Dropping],
) -> "list[Node]":
    """What drops in a graph in which some modules train; nothing where it cannot be exported."""
    before = [module for module in model.modules() if module.training]
    model.eval()
    for module in training:
        module.training = True
    try:
        with whole_modules(model, dropping):
            return _droppers(exported_program(model, args, keywords).graph)
    except Exception:  # torch raises what it likes
        return []
    finally:
        model.eval()
        for module in before:
            module.training = True


def _droppers(graph: "Graph") -> "list[Node]":
    return [node for node in graph.nodes if node.op == "call_function" and _name(node) in RATE_AT]


def _name(node: "Node") -> str:
    return getattr(node.target, "__name__", "").partition(".")[0]


def _rate(node: "Node") -> float:
    at = RATE_AT[_name(node)]
    rate = node.args[at] if len(node.args) > at else node.kwargs.get("dropout_p", 0.0)
    return float(rate) if isinstance(rate, (int, float)) else 0.0
