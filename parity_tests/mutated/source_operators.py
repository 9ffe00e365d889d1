"""The table of mutations of a port's source. Adding a kind of fault is adding a row.

Each row finds places and what stands there instead; its words are what the verdict should say of it, wherever that is:
in the name or the detail of a cause, in a setting that differs, in what is drawn otherwise.
"""

import ast
import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import combinations

from parity_tests.mutated.sources import Source, holder_of, keyword_of, name_of, number_of

Exchanged = tuple[tuple[ast.AST, str], ...]
Changes = Iterator[Exchanged]
"""What a mutation exchanges: nodes, each with the text that takes its place."""


@dataclass(frozen=True, slots=True)
class SourceOperator:
    """A kind of fault in a port's source.

    Attributes
    ----------
    name : str
    find : callable
        Every place that it finds in a source.
    words : str
        A regular expression that fits what a right name of the fault says.
    """

    name: str
    find: Callable[[Source], Changes]
    words: str


WEIGHTED = re.compile(
    r"^(Dense|EinsumDense|Embedding|(Separable|Depthwise)?Conv\d.*|.*Normalization|LSTM|GRU|SimpleRNN)$"
)
CONVOLUTIONS = re.compile(r"^(Depthwise|Separable)?Conv\dD(Transpose)?$")
POOLS = re.compile(r"^(Global)?(Max|Average)Pooling\dD$")
ACTIVATIONS = (
    "relu", "relu6", "leaky_relu", "elu", "selu", "celu", "gelu", "silu", "softplus", "softsign", "tanh", "sigmoid",
    "hard_tanh", "hard_sigmoid", "hard_silu", "log_sigmoid", "mish",
)  # fmt: skip


def _layer_calls(source: Source, kinds: re.Pattern[str]) -> Iterator[ast.Call]:
    return (call for call in source.calls("layers") if kinds.match(name_of(call)))


def _with_keyword(source: Source, call: ast.Call, name: str, text: str) -> tuple[ast.AST, str]:
    """A call with one more argument, or with another value of one that it has."""
    if held := keyword_of(call, name):
        return held.value, text
    inner = source.segment(call)
    return call, f"{inner[:-1].rstrip().rstrip(',')}, {name}={text})"


def _without_keyword(source: Source, call: ast.Call, name: str) -> tuple[ast.AST, str]:
    arguments = [source.segment(held) for held in call.args]
    arguments += [f"{held.arg}={source.segment(held.value)}" for held in call.keywords if held.arg != name]
    return call, f"{source.segment(call.func)}({', '.join(arguments)})"


def _values(
    name: str, kinds: re.Pattern[str], change: Callable[[float], Sequence[object]], default: float | None = None
):
    """Other values of a number that a layer is given, and Keras' own where it is left out."""

    def find(source: Source) -> Changes:
        for call in _layer_calls(source, kinds):
            held = keyword_of(call, name)
            value = number_of(held.value) if held else default
            if value is not None:
                yield from ((_with_keyword(source, call, name, repr(other)),) for other in change(value))
                if held and default is None:
                    yield (_without_keyword(source, call, name),)

    return find


def _strides(source: Source) -> Changes:
    yield from _values("strides", CONVOLUTIONS, lambda value: (1,) if value > 1 else (2,), 1)(source)


def _border(source: Source) -> Changes:
    for call in _layer_calls(source, re.compile(f"{CONVOLUTIONS.pattern}|{POOLS.pattern}")):
        held = keyword_of(call, "padding")
        if not name_of(call).startswith("Global") and (held is None or isinstance(held.value, ast.Constant)):
            is_same = held is not None and held.value.value == "same"
            yield (_with_keyword(source, call, "padding", '"valid"' if is_same else '"same"'),)


def _zeros(source: Source) -> Changes:
    """Zeros at one end alone, and without the layer."""
    for call in _layer_calls(source, re.compile(r"^ZeroPadding\dD$")):
        many = number_of(call.args[0]) if call.args else None
        if many:
            rank = int(name_of(call)[-2])
            for one in (f"({2 * int(many)}, 0)", f"(0, {2 * int(many)})"):
                yield ((call.args[0], one if rank == 1 else f"({', '.join([one] * rank)})"),)


def _pads(source: Source) -> Changes:
    """Other widths of ``ops.pad``, and other values there."""
    for call in (call for call in source.calls("ops") if name_of(call) == "pad"):
        if held := keyword_of(call, "mode"):
            yield from (
                ((held.value, f'"{mode}"'),)
                for mode in ("symmetric", "reflect", "constant")
                if mode != held.value.value
            )
        widths = call.args[1] if len(call.args) > 1 else None
        for pair in widths.elts if isinstance(widths, ast.Tuple) else ():
            numbers = [number_of(end) for end in pair.elts] if isinstance(pair, ast.Tuple) else []
            if len(numbers) == 2 and None not in numbers and sum(numbers):
                yield ((pair, f"({numbers[0] + numbers[1]}, 0)"),)


def _activations(source: Source) -> Changes:
    for call in source.calls("ops"):
        if name_of(call) in ACTIVATIONS:
            given = source.segment(call.args[0])
            yield from (((call, f"ops.{other}({given})"),) for other in ACTIVATIONS if other != name_of(call))


def _activation_settings(source: Source) -> Changes:
    for call in source.calls("ops"):
        for held in call.keywords if name_of(call) in ACTIVATIONS else ():
            if isinstance(held.value, ast.Constant) and isinstance(held.value.value, bool):
                yield ((held.value, str(not held.value.value)),)
            elif (value := number_of(held.value)) is not None:
                yield from (((held.value, repr(other)),) for other in (2 * value, value * 1.001))


def _fused(source: Source) -> Changes:
    """An activation inside a layer."""
    for call in _layer_calls(source, re.compile(r"^(Dense|EinsumDense|Conv\dD.*)$")):
        if not keyword_of(call, "activation"):
            yield from ((_with_keyword(source, call, "activation", f'"{name}"'),) for name in ("relu", "tanh", "gelu"))


def _axes(names: re.Pattern[str]):
    def find(source: Source) -> Changes:
        for call in (*source.calls("ops"), *source.calls("layers")):
            if not names.match(name_of(call)):
                continue
            held = keyword_of(call, "axis")
            value = number_of(held.value) if held else None
            if held is None and name_of(call) in ("softmax", "log_softmax"):
                value = -1
            for other in (1, -2, 2, -1) if value is not None else ():
                if other != value:
                    yield (_with_keyword(source, call, "axis", str(other)),)
            if held and isinstance(held.value, ast.Tuple):
                for at, each in enumerate(held.value.elts):
                    yield from (((each, str(other)),) for other in (1, 2, 3) if other != number_of(each) and at >= 0)

    return find


def _orders(source: Source) -> Changes:
    """The order of a transposition with two axes exchanged; never the samples'."""
    for call in source.calls("ops"):
        if name_of(call) == "transpose" and len(call.args) > 1 and isinstance(call.args[1], ast.Tuple):
            order = [source.segment(each) for each in call.args[1].elts]
            for one, other in combinations(range(1, len(order)), 2):
                swapped = list(order)
                swapped[one], swapped[other] = order[other], order[one]
                yield ((call.args[1], f"({', '.join(swapped)})"),)


def _shapes(source: Source) -> Changes:
    """A reshape to the same numbers in another order."""
    for call in source.calls("ops"):
        if name_of(call) == "reshape" and len(call.args) > 1 and isinstance(call.args[1], ast.Tuple):
            lengths = [source.segment(each) for each in call.args[1].elts]
            for one, other in combinations(range(1, len(lengths)), 2):
                if lengths[one] != lengths[other]:
                    swapped = list(lengths)
                    swapped[one], swapped[other] = lengths[other], lengths[one]
                    yield ((call.args[1], f"({', '.join(swapped)})"),)


def _equations(source: Source) -> Changes:
    """Two letters exchanged in one part of an equation."""
    for call in source.calls("ops"):
        equation = call.args[0] if name_of(call) == "einsum" and call.args else None
        if not (isinstance(equation, ast.Constant) and isinstance(equation.value, str)):
            continue
        parts = re.split(r"(,|->)", equation.value)
        for at in range(0, len(parts), 2):
            for one, other in combinations(parts[at], 2):
                swapped = parts[at].translate(str.maketrans(one + other, other + one))
                yield ((equation, repr("".join([*parts[:at], swapped, *parts[at + 1 :]]))),)


def _is_tensor_call(call: ast.Call) -> bool:
    return bool(call.args) and not isinstance(call.args[0], (ast.Constant, ast.List, ast.Tuple))


_UNARY = {
    "relu",
    "square",
    "abs",
    "exp",
    "log",
    "sqrt",
    "negative",
    "flip",
    "roll",
    "pad",
    "transpose",
    "softmax",
    "tanh",
}


def _missing(names: Callable[[str], bool]):
    """What a call is given in the place of what it gives."""

    def find(source: Source) -> Changes:
        for call in source.calls("ops"):
            if names(name_of(call)) and _is_tensor_call(call):
                yield ((call, source.segment(call.args[0])),)
        for call in _called_layers(source):
            if names(name_of(call.func)) and not WEIGHTED.match(name_of(call.func)):
                yield ((call, source.segment(call.args[0])),)

    return find


def _called_layers(source: Source) -> Iterator[ast.Call]:
    """Each ``layers.X(...)(tensor)``."""
    for node in source.nodes():
        if (
            isinstance(node, ast.Call)
            and isinstance(node.func, ast.Call)
            and holder_of(node.func) == "layers"
            and node.args
        ):
            yield node


def _doubled(source: Source) -> Changes:
    for call in source.calls("ops"):
        if name_of(call) not in ("arange", "ones", "zeros", "convert_to_tensor", "einsum", "shape") and _is_tensor_call(
            call
        ):
            text = source.segment(call)
            begin, end = source.span(call.args[0])
            start = source.span(call)[0]
            yield ((call, text[: begin - start] + text + text[end - start :]),)
    for call in _called_layers(source):
        if not WEIGHTED.match(name_of(call.func)):
            yield ((call, f"{source.segment(call.func)}({source.segment(call)})"),)


def _is_drop(name: str) -> bool:
    return "Dropout" in name or name in ("StochasticDepth", "GaussianNoise", "GaussianDropout")


def _is_activation(name: str) -> bool:
    return name in ACTIVATIONS or name in ("softmax", "log_softmax")


def _is_other(name: str) -> bool:
    return not _is_drop(name) and not _is_activation(name)


def _drops_added(source: Source) -> Changes:
    for statement in _assignments(source):
        if isinstance(statement.value, ast.Call):
            yield ((statement.value, f"layers.Dropout(0.3)({source.segment(statement.value)})"),)


def _assignments(source: Source) -> Iterator[ast.Assign]:
    """Statements that make a tensor: ``x = f(x)``."""
    for node in source.nodes():
        if isinstance(node, ast.Assign) and len(node.targets) == 1 and isinstance(node.targets[0], ast.Name):
            yield node


def _others_in_scope(source: Source) -> Changes:
    """Another tensor in the place of one."""
    for node in source.nodes():
        if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Load):
            known = source.known_before(node)
            if node.id in known and not isinstance(source.parents[node], ast.Attribute):
                yield from (((node, other),) for other in known if other != node.id)


_ORDERED = (ast.Sub, ast.Div, ast.MatMult)


def _operands(source: Source) -> Changes:
    for node in source.nodes():
        if isinstance(node, ast.BinOp) and isinstance(node.op, _ORDERED):
            yield ((node.left, source.segment(node.right)), (node.right, source.segment(node.left)))
        if isinstance(node, ast.Call) and name_of(node) in ("concatenate", "stack", "subtract", "matmul", "divide"):
            held = node.args[0].elts if isinstance(node.args[0], ast.List) else node.args[:2]
            for one, other in combinations(held, 2):
                yield ((one, source.segment(other)), (other, source.segment(one)))


_OPERATIONS = {ast.Add: "-", ast.Sub: "+", ast.Mult: "+", ast.Div: "*"}


def _operations(source: Source) -> Changes:
    for node in source.nodes():
        if isinstance(node, ast.BinOp) and (other := _OPERATIONS.get(type(node.op))):
            yield ((node, f"({source.segment(node.left)} {other} {source.segment(node.right)})"),)


def _one_operand(source: Source) -> Changes:
    for node in source.nodes():
        if isinstance(node, ast.BinOp) and isinstance(node.op, (ast.Add, ast.Sub, ast.Mult, ast.Div)):
            yield from (((node, source.segment(kept)),) for kept in (node.left, node.right) if number_of(kept) is None)


def _constants(change: Callable[[float], float]):
    """Numbers with a point that stand between operators or are given to operations."""

    def find(source: Source) -> Changes:
        for node in source.nodes():
            if isinstance(node, ast.Constant) and isinstance(node.value, float) and node.value:
                parent = source.parents[node]
                is_setting = isinstance(parent, ast.keyword) or (
                    isinstance(parent, ast.Call) and holder_of(parent) == "layers"
                )
                if not is_setting:
                    yield ((node, repr(change(node.value))),)

    return find


def _integers(source: Source) -> Changes:
    """Whole numbers that operations and slices are given, one more or less."""
    for node in source.nodes():
        if not (isinstance(node, ast.Constant) and type(node.value) is int):
            continue
        parent = source.parents[node]
        inner = isinstance(parent, (ast.Slice, ast.Subscript, ast.BinOp, ast.UnaryOp))
        if inner or (isinstance(parent, ast.Call) and holder_of(parent) == "ops"):
            yield from (((node, str(node.value + step)),) for step in (1, -1))


def _casts(source: Source) -> Changes:
    """A tensor that goes through a shorter type."""
    for statement in _assignments(source):
        if isinstance(statement.value, (ast.Call, ast.BinOp)):
            name, text = statement.targets[0].id, source.segment(statement)
            for dtype in ("float16", "bfloat16", "float32"):
                cast = f'{name} = ops.cast(ops.cast({name}, "{dtype}"), {name}.dtype)'
                yield ((statement, f"{text}; {cast}"),)


def _transposed(source: Source) -> Changes:
    """The last two axes exchanged of what a statement makes."""
    for statement in _assignments(source):
        if isinstance(statement.value, (ast.Call, ast.BinOp)):
            yield ((statement.value, f"ops.swapaxes({source.segment(statement.value)}, -1, -2)"),)


def _reversed(source: Source) -> Changes:
    for statement in _assignments(source):
        if isinstance(statement.value, ast.Call):
            yield from (
                ((statement.value, f"ops.flip({source.segment(statement.value)}, {axis})"),) for axis in (1, -1)
            )


def _pools(source: Source) -> Changes:
    for call in _layer_calls(source, POOLS):
        name = name_of(call)
        other = name.replace("Max", "Average") if "Max" in name else name.replace("Average", "Max")
        yield ((call.func, f"layers.{other}"),)
        if not name.startswith("Global") and (size := number_of(call.args[0]) if call.args else None):
            yield (
                ((call.args[0], f"{int(size) + 1}, strides={int(size)}"),)
                if not keyword_of(call, "strides")
                else ((call.args[0], str(int(size) + 1)),)
            )


def _reductions(source: Source) -> Changes:
    kinds = ("mean", "sum", "max")
    for call in source.calls("ops"):
        if name_of(call) in kinds:
            yield from (((call.func, f"ops.{other}"),) for other in kinds if other != name_of(call))


def _interpolations(source: Source) -> Changes:
    for node in source.nodes():
        if isinstance(node, ast.Call) and name_of(node).startswith("resize"):
            yield (_with_keyword(source, node, "align_corners", "True"),)
    for call in _layer_calls(source, re.compile(r"^UpSampling\dD$")):
        held = keyword_of(call, "interpolation")
        yield (_with_keyword(source, call, "interpolation", '"nearest"' if held else '"bilinear"'),)


def _recurrences(source: Source) -> Changes:
    for call in _layer_calls(source, re.compile(r"^(LSTM|GRU|SimpleRNN)$")):
        yield (_with_keyword(source, call, "go_backwards", "True"),)
        yield from ((_with_keyword(source, call, "activation", f'"{name}"'),) for name in ("relu", "sigmoid"))
        if name_of(call) != "SimpleRNN":
            yield (_with_keyword(source, call, "recurrent_activation", '"hard_sigmoid"'),)
        yield (_with_keyword(source, call, "dropout", "0.2"),)


def _training(source: Source) -> Changes:
    for call in _layer_calls(source, WEIGHTED):
        yield (_with_keyword(source, call, "trainable", "False"),)
        if CONVOLUTIONS.match(name_of(call)) or name_of(call) == "Dense":
            yield (_with_keyword(source, call, "kernel_regularizer", '"l2"'),)


def _modes(source: Source) -> Changes:
    """A layer that is always in training, or never."""
    for call in _called_layers(source):
        if "Dropout" in name_of(call.func) or name_of(call.func) == "BatchNormalization":
            inner = source.segment(call)
            yield from (((call, f"{inner[:-1]}, training={mode})"),) for mode in (True, False))


def _stopped(source: Source) -> Changes:
    """A gradient that ends."""
    for statement in _assignments(source):
        if isinstance(statement.value, (ast.Call, ast.BinOp)):
            yield ((statement.value, f"ops.stop_gradient({source.segment(statement.value)})"),)


def _normalised(source: Source) -> Changes:
    for call in _layer_calls(source, re.compile(r"^(Batch|Layer|Group)Normalization$")):
        kind = name_of(call)
        if kind == "GroupNormalization" and (held := keyword_of(call, "groups")):
            value = int(number_of(held.value) or 0)
            yield from (((held.value, str(other)),) for other in (2 * value, value // 2) if other)
        else:
            yield from ((_with_keyword(source, call, "axis", str(axis)),) for axis in (1, -2))


def _neighbours(source: Source) -> Changes:
    """Two statements in a row, each of which makes the same tensor anew, in the other order."""
    for function in source.functions:
        for first, second in zip(function.body, function.body[1:], strict=False):
            both = [each for each in (first, second) if each in set(_assignments(source))]
            if len(both) == 2 and first.targets[0].id == second.targets[0].id and _reads(second, first.targets[0].id):
                yield ((first, source.segment(second)), (second, source.segment(first)))


def _reads(statement: ast.Assign, name: str) -> bool:
    return any(isinstance(node, ast.Name) and node.id == name for node in ast.walk(statement.value))


def _masks(source: Source) -> Changes:
    for call in source.calls("ops"):
        if name_of(call) in ("triu", "tril"):
            yield ((call.func, f"ops.{'tril' if name_of(call) == 'triu' else 'triu'}"),)
        if name_of(call) == "where" and len(call.args) == 3:
            yield from (((call, source.segment(kept)),) for kept in call.args[1:] if isinstance(kept, ast.Name))
    for node in source.nodes():
        if isinstance(node, ast.Call) and name_of(node) == "float" and node.args:
            yield from (((node, text),) for text in ("0.0", "-1.0"))


def _rates(source: Source) -> Changes:
    for call in _layer_calls(source, re.compile(r"^(\w*Dropout\w*|StochasticDepth|GaussianNoise)$")):
        value = number_of(call.args[0]) if call.args else None
        if value:
            yield from (((call.args[0], repr(other)),) for other in (0.5, round(value * 1.001, 9)) if other != value)


_DROP_WORDS = r"drop|drawn|draws|rate"
_SHAPE_WORDS = r"order|transpos|reshap|permut|axis|axes"
_ACTIVATION_WORDS = r"activation|softmax|clip|scale"

SOURCE_OPERATORS: tuple[SourceOperator, ...] = (
    SourceOperator("strides", _strides, r"stride"),
    SourceOperator("border of a convolution or pool", _border, r"padding|pooling|offset"),
    SourceOperator("zeros at one end", _zeros, r"padding|offset by one point"),
    SourceOperator("padding mode or widths", _pads, r"padding|offset by one point"),
    SourceOperator("dilation", _values("dilation_rate", CONVOLUTIONS, lambda value: (1,) if value > 1 else (2,), 1), r"dilation"),
    SourceOperator("epsilon", _values("epsilon", WEIGHTED, lambda value: (10 * value, 1e-3)), r"epsilon"),
    SourceOperator("epsilon by 0.1 %", _values("epsilon", WEIGHTED, lambda value: (1.001 * value,), 1e-3), r"epsilon"),
    SourceOperator("momentum", _values("momentum", WEIGHTED, lambda value: (1 - value, value - 0.001)), r"momentum"),
    SourceOperator("groups or axis normalised", _normalised, r"groups|axis|axes"),
    SourceOperator("dropout's rate", _rates, _DROP_WORDS),
    SourceOperator("dropout missing", _missing(_is_drop), _DROP_WORDS),
    SourceOperator("dropout added", _drops_added, _DROP_WORDS),
    SourceOperator("activation of another kind", _activations, r"activation"),
    SourceOperator("setting of an activation", _activation_settings, r"activation|number"),
    SourceOperator("activation missing", _missing(_is_activation), r"activation missing|activation of another kind"),
    SourceOperator("activation in a layer", _fused, r"activation"),
    SourceOperator("axis of a softmax", _axes(re.compile("softmax|log_softmax")), r"softmax"),
    SourceOperator("axis", _axes(re.compile("mean|sum|max|concatenate|stack|normalize|flip|expand_dims|squeeze")), r"axis|axes|pooling|order|epsilon"),
    SourceOperator("order of a transposition", _orders, _SHAPE_WORDS),
    SourceOperator("order of a reshape", _shapes, _SHAPE_WORDS),
    SourceOperator("letters of an equation", _equations, f"{_SHAPE_WORDS}|operand|scale"),
    SourceOperator("call missing", _missing(_is_other), r"missing|left out|order|scale|padding|pooling|transpos|reshap|operation"),
    SourceOperator("call doubled", _doubled, r"added|twice|again|drawn|drop|order|transpos|scale|pooling|padding|operation|activation|shift|offset"),
    SourceOperator("another tensor", _others_in_scope, r"elsewhere|exchanged|order|another|missing"),
    SourceOperator("order of operands", _operands, r"operands|order|scale|exchanged|parts"),
    SourceOperator("another operation", _operations, r"operation|residual|scale"),
    SourceOperator("one operand missing", _one_operand, r"missing|residual|scale"),
    SourceOperator("constant doubled", _constants(lambda value: 2 * value), r"scale|activation|number|epsilon"),
    SourceOperator("constant by 0.1 %", _constants(lambda value: 1.001 * value), r"scale|activation|number|epsilon"),
    SourceOperator("whole number", _integers, r"step|position|mask|axis|order|scale|offset"),
    SourceOperator("cast", _casts, r"rounded|cast"),
    SourceOperator("last axes exchanged", _transposed, _SHAPE_WORDS),
    SourceOperator("reversed", _reversed, r"revers|order|the other way|backwards"),
    SourceOperator("pooling", _pools, r"pool"),
    SourceOperator("reduction", _reductions, r"pool|scale|reduc"),
    SourceOperator("interpolation", _interpolations, r"resiz"),
    SourceOperator("recurrence", _recurrences, r"activation|revers|the other way|backwards|dropout"),
    SourceOperator("trained otherwise", _training, r"trainable|frozen|regulari|trained"),
    SourceOperator("always or never in training", _modes, r"train|drop|drawn|after a step|statistics"),
    SourceOperator("gradient stopped", _stopped, r"gradient"),
    SourceOperator("neighbours exchanged", _neighbours, r"activation|order|added|missing|drawn|drop|padding"),
    SourceOperator("mask", _masks, r"mask"),
)  # fmt: skip
"""Kinds of faults in a source."""
