"""Changes of what a layer is told: its settings, its mode, its kind."""

import ast
import re
from collections.abc import Callable, Sequence

from parity_tests.mutated.changes.places import (
    CONVOLUTIONS,
    POOLS,
    WEIGHTED,
    Changes,
    called_layers,
    layer_calls,
    with_keyword,
    without_keyword,
)
from parity_tests.mutated.changes.sources import Source, keyword_of, name_of, number_of


def other_values(
    name: str, kinds: re.Pattern[str], change: Callable[[float], Sequence[object]], default: float | None = None
):
    """Other values of a number that a layer is given, and Keras' own where it is left out."""

    def find(source: Source) -> Changes:
        for call in layer_calls(source, kinds):
            held = keyword_of(call, name)
            value = number_of(held.value) if held else default
            if value is not None:
                yield from ((with_keyword(source, call, name, repr(other)),) for other in change(value))
                if held and default is None:
                    yield (without_keyword(source, call, name),)

    return find


def strides(source: Source) -> Changes:
    yield from other_values("strides", CONVOLUTIONS, one_or_two, 1)(source)


def border(source: Source) -> Changes:
    for call in layer_calls(source, re.compile(f"{CONVOLUTIONS.pattern}|{POOLS.pattern}")):
        held = keyword_of(call, "padding")
        if not name_of(call).startswith("Global") and (held is None or isinstance(held.value, ast.Constant)):
            is_same = held is not None and held.value.value == "same"
            yield (with_keyword(source, call, "padding", '"valid"' if is_same else '"same"'),)


def zeros(source: Source) -> Changes:
    """Zeros at one end alone, and without the layer."""
    for call in layer_calls(source, re.compile(r"^ZeroPadding\dD$")):
        many = number_of(call.args[0]) if call.args else None
        if many:
            rank = int(name_of(call)[-2])
            for one in (f"({2 * int(many)}, 0)", f"(0, {2 * int(many)})"):
                yield ((call.args[0], one if rank == 1 else f"({', '.join([one] * rank)})"),)


def fused(source: Source) -> Changes:
    """An activation inside a layer."""
    for call in layer_calls(source, re.compile(r"^(Dense|EinsumDense|Conv\dD.*)$")):
        if not keyword_of(call, "activation"):
            yield from ((with_keyword(source, call, "activation", f'"{name}"'),) for name in ("relu", "tanh", "gelu"))


def pools(source: Source) -> Changes:
    for call in layer_calls(source, POOLS):
        name = name_of(call)
        other = name.replace("Max", "Average") if "Max" in name else name.replace("Average", "Max")
        yield ((call.func, f"layers.{other}"),)
        if not name.startswith("Global") and (size := number_of(call.args[0]) if call.args else None):
            yield (
                ((call.args[0], f"{int(size) + 1}, strides={int(size)}"),)
                if not keyword_of(call, "strides")
                else ((call.args[0], str(int(size) + 1)),)
            )


def interpolations(source: Source) -> Changes:
    for node in source.nodes():
        if isinstance(node, ast.Call) and name_of(node).startswith("resize"):
            yield (with_keyword(source, node, "align_corners", "True"),)
    for call in layer_calls(source, re.compile(r"^UpSampling\dD$")):
        held = keyword_of(call, "interpolation")
        yield (with_keyword(source, call, "interpolation", '"nearest"' if held else '"bilinear"'),)


def recurrences(source: Source) -> Changes:
    for call in layer_calls(source, re.compile(r"^(LSTM|GRU|SimpleRNN)$")):
        yield (with_keyword(source, call, "go_backwards", "True"),)
        yield from ((with_keyword(source, call, "activation", f'"{name}"'),) for name in ("relu", "sigmoid"))
        if name_of(call) != "SimpleRNN":
            yield (with_keyword(source, call, "recurrent_activation", '"hard_sigmoid"'),)
        yield (with_keyword(source, call, "dropout", "0.2"),)


def training(source: Source) -> Changes:
    for call in layer_calls(source, WEIGHTED):
        yield (with_keyword(source, call, "trainable", "False"),)
        if CONVOLUTIONS.match(name_of(call)) or name_of(call) == "Dense":
            yield (with_keyword(source, call, "kernel_regularizer", '"l2"'),)


def modes(source: Source) -> Changes:
    """A layer that is always in training, or never."""
    for call in called_layers(source):
        if "Dropout" in name_of(call.func) or name_of(call.func) == "BatchNormalization":
            inner = source.segment(call)
            yield from (((call, f"{inner[:-1]}, training={mode})"),) for mode in (True, False))


def normalised(source: Source) -> Changes:
    for call in layer_calls(source, re.compile(r"^(Batch|Layer|Group)Normalization$")):
        kind = name_of(call)
        if kind == "GroupNormalization" and (held := keyword_of(call, "groups")):
            value = int(number_of(held.value) or 0)
            yield from (((held.value, str(other)),) for other in (2 * value, value // 2) if other)
        else:
            yield from ((with_keyword(source, call, "axis", str(axis)),) for axis in (1, -2))


def rates(source: Source) -> Changes:
    for call in layer_calls(source, re.compile(r"^(\w*Dropout\w*|StochasticDepth|GaussianNoise)$")):
        value = number_of(call.args[0]) if call.args else None
        if value:
            yield from (((call.args[0], repr(other)),) for other in (0.5, round(value * 1.001, 9)) if other != value)


def one_or_two(value: float) -> tuple[int, ...]:
    """One where there are more, else two."""
    return (1,) if value > 1 else (2,)
