"""Where a port's source can be changed: calls of layers, assignments, arguments."""

import ast
import re
from collections.abc import Iterator

from parity_tests.mutated.changes.sources import Source, holder_of, keyword_of, name_of

Exchanged = tuple[tuple[ast.AST, str], ...]
Changes = Iterator[Exchanged]
"""What a mutation exchanges: nodes, each with the text that takes its place."""

WEIGHTED = re.compile(
    r"^(Dense|EinsumDense|Embedding|(Separable|Depthwise)?Conv\d.*|.*Normalization|LSTM|GRU|SimpleRNN)$"
)

CONVOLUTIONS = re.compile(r"^(Depthwise|Separable)?Conv\dD(Transpose)?$")

POOLS = re.compile(r"^(Global)?(Max|Average)Pooling\dD$")

ACTIVATIONS = (
    "relu", "relu6", "leaky_relu", "elu", "selu", "celu", "gelu", "silu", "softplus", "softsign", "tanh", "sigmoid",
    "hard_tanh", "hard_sigmoid", "hard_silu", "log_sigmoid", "mish",
)  # fmt: skip
NORMALISATIONS = re.compile(r"^(Batch|Layer|Group|RMS)Normalization$")


def layer_calls(source: Source, kinds: re.Pattern[str]) -> Iterator[ast.Call]:
    return (call for call in source.calls("layers") if kinds.match(name_of(call)))


def with_keyword(source: Source, call: ast.Call, name: str, text: str) -> tuple[ast.AST, str]:
    """A call with one more argument, or with another value of one that it has."""
    if held := keyword_of(call, name):
        return held.value, text
    inner = source.segment(call)
    return call, f"{inner[:-1].rstrip().rstrip(',')}, {name}={text})"


def without_keyword(source: Source, call: ast.Call, name: str) -> tuple[ast.AST, str]:
    arguments = [source.segment(held) for held in call.args]
    arguments += [f"{held.arg}={source.segment(held.value)}" for held in call.keywords if held.arg != name]
    return call, f"{source.segment(call.func)}({', '.join(arguments)})"


def called_layers(source: Source) -> Iterator[ast.Call]:
    """Each ``layers.X(...)(tensor)``."""
    for node in source.nodes():
        if (
            isinstance(node, ast.Call)
            and isinstance(node.func, ast.Call)
            and holder_of(node.func) == "layers"
            and node.args
        ):
            yield node


def assignments(source: Source) -> Iterator[ast.Assign]:
    """Statements that make a tensor: ``x = f(x)``."""
    for node in source.nodes():
        if isinstance(node, ast.Assign) and len(node.targets) == 1 and isinstance(node.targets[0], ast.Name):
            yield node


def is_tensor_call(call: ast.Call) -> bool:
    return bool(call.args) and not isinstance(call.args[0], (ast.Constant, ast.List, ast.Tuple))


def reads(statement: ast.Assign, name: str) -> bool:
    return any(isinstance(node, ast.Name) and node.id == name for node in ast.walk(statement.value))
