"""How often attention drops its weights in training, which a graph of evaluation does not show."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from porting.writing.graph.marks import whole_modules

if TYPE_CHECKING:
    import torch
    from torch.fx import Graph, Node

ATTENTION = "scaled_dot_product_attention"
RATE_AT = 4
"""Where its rate stands among an attention's arguments."""


def with_training_rates(
    graph: "Graph", model: "torch.nn.Module", args: Sequence[Any], keywords: Mapping[str, Any]
) -> None:
    """Give each attention of a graph of evaluation the rate that it has in training."""
    held = _attentions(graph)
    if not held:
        return
    for node, rate in zip(held, _rates(model, args, keywords, len(held)), strict=True):
        if rate:
            node.args = (*node.args[:RATE_AT], *(None,) * (RATE_AT - len(node.args)), rate, *node.args[RATE_AT + 1 :])
            node.kwargs = {name: value for name, value in node.kwargs.items() if name != "dropout_p"}


def _rates(model: "torch.nn.Module", args: Sequence[Any], keywords: Mapping[str, Any], count: int) -> list[float]:
    """The rates in the order of the calls; zeros where the model cannot be exported as it trains, or calls others."""
    import torch

    training = [module for module in model.modules() if module.training]
    try:
        with torch.no_grad(), whole_modules(model.train()):
            program = torch.export.export(model, tuple(args), dict(keywords), strict=False)
    except Exception:  # torch raises what it likes; the verdict says what is not dropped as it should be
        return [0.0] * count
    finally:
        model.eval()
        for module in training:
            module.training = True
    found = [_rate(node) for node in _attentions(program.graph)]
    return found if len(found) == count else [0.0] * count


def _attentions(graph: "Graph") -> "list[Node]":
    return [node for node in graph.nodes if ATTENTION in str(node.target)]


def _rate(node: "Node") -> float:
    rate = node.args[RATE_AT] if len(node.args) > RATE_AT else node.kwargs.get("dropout_p", 0.0)
    return float(rate) if isinstance(rate, (int, float)) else 0.0
