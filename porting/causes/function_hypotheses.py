"""The catalogue of what ports get wrong: one row per hypothesis. Adding one is adding a row.

Here are the functions between layers that the port runs otherwise (`FUNCTION_ROWS`) and the steps that it has besides
(`STEP_ROWS`); `layer_hypotheses` has what may be wrong inside a layer. Everything is in the reference's axis order:
(sample, channel, spatial axes) or (sample, feature).

Imports torch; it is imported where there is a divergence to explain.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import combinations, permutations
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional

Step = Callable[[Tensor], Tensor]

ACTIVATIONS: Mapping[str, Step] = {
    "relu": functional.relu,
    "leaky_relu with slope 0.01": partial(functional.leaky_relu, negative_slope=0.01),
    "leaky_relu with slope 0.2": partial(functional.leaky_relu, negative_slope=0.2),
    "leaky_relu with slope 0.3 (Keras' default)": partial(functional.leaky_relu, negative_slope=0.3),
    "relu6": functional.relu6,
    "elu": functional.elu,
    "selu": functional.selu,
    "exact gelu": functional.gelu,
    "gelu by tanh (approximate)": partial(functional.gelu, approximate="tanh"),
    "silu": functional.silu,
    "mish": functional.mish,
    "softplus": functional.softplus,
    "softsign": functional.softsign,
    "tanh": torch.tanh,
    "sigmoid": torch.sigmoid,
    "hard_sigmoid": functional.hardsigmoid,
    "hard_swish": functional.hardswish,
    "softmax over the last axis": partial(torch.softmax, dim=-1),
}
"""What Keras and torch both have, by the names that reports use."""


@dataclass(frozen=True, slots=True)
class FunctionCall:
    """A function of torch as the reference called it between two layers.

    Attributes
    ----------
    name : str
    function : callable
    arguments : tuple
    keywords : Mapping
    result : Tensor
    """

    name: str
    function: Callable[..., Any]
    arguments: tuple
    keywords: Mapping[str, Any]
    result: Tensor

    def bound(self, *names: str) -> dict[str, Any]:
        """Its arguments by their names."""
        return {**dict(zip(names, self.arguments, strict=False)), **self.keywords}


Replacement = Callable[[Callable[..., Any], tuple, Mapping[str, Any]], Any]
"""(function, arguments, keywords) -> what the port is supposed to compute in its place."""

Replacements = Iterator[tuple[str, Replacement]]
Steps = Iterator[tuple[str, Step]]


@dataclass(frozen=True, slots=True)
class FunctionRow:
    """A function between layers that the port runs otherwise, or not at all.

    Attributes
    ----------
    name, remedy : str
    functions : frozenset of str
        Which functions of torch it is about.
    variants : callable
        How the port may run one of them instead, each with what it does in words.
    """

    name: str
    remedy: str
    functions: frozenset[str]
    variants: Callable[[FunctionCall], Replacements]


@dataclass(frozen=True, slots=True)
class StepRow:
    """A step that the port has besides, somewhere between two layers.

    Attributes
    ----------
    name, remedy : str
    variants : callable
        tensor at that point -> the steps it may be, each in words.
    """

    name: str
    remedy: str
    variants: Callable[[Tensor], Steps]


def _on_first(step: Step) -> Replacement:
    """Apply a step to the function's first argument, in the place of the function."""
    return lambda function, arguments, keywords: step(_first(arguments, keywords))


def _first(arguments: tuple, keywords: Mapping[str, Any]) -> Tensor:
    return arguments[0] if arguments else next(iter(keywords.values()))


def _left_out(call: FunctionCall) -> Replacements:
    yield f"{call.name} is left out", _on_first(lambda tensor: tensor)


def _another_activation(call: FunctionCall) -> Replacements:
    for name, step in ACTIVATIONS.items():
        yield f"{name} where the reference has {call.name}", _on_first(step)


def _resized(call: FunctionCall) -> Replacements:
    size = list(call.result.shape[2:])
    smooth = {1: "linear", 2: "bilinear", 3: "trilinear"}[len(size)]
    modes: list[tuple[str, dict[str, Any]]] = [
        ("repeats points (nearest)", {"mode": "nearest"}),
        (f"{smooth} without aligned corners", {"mode": smooth, "align_corners": False}),
        (f"{smooth} with aligned corners", {"mode": smooth, "align_corners": True}),
        ("averages areas", {"mode": "area"}),
    ]
    if len(size) == 2:
        modes += [
            (f"bicubic{' with aligned corners' * on}", {"mode": "bicubic", "align_corners": on}) for on in (False, True)
        ]
    for name, how in modes:
        yield name, _on_first(partial(_interpolate, size=size, how=how))


def _interpolate(tensor: Tensor, size: list[int], how: Mapping[str, Any]) -> Tensor:
    return functional.interpolate(tensor, size=size, **how)


_PAD_MODES = {
    "constant": "zeros",
    "reflect": "the reflected neighbours",
    "replicate": "the end point",
    "circular": "the other end",
}


def _padded(call: FunctionCall) -> Replacements:
    bound = call.bound("input", "pad", "mode", "value")
    pads = list(bound["pad"])
    ends = [(pads[at], pads[at + 1]) for at in range(0, len(pads), 2)]
    placements = {
        "at both ends": pads,
        "all at the end": [count for before, after in ends for count in (0, before + after)],
        "all at the beginning": [count for before, after in ends for count in (before + after, 0)],
    }
    for where, amounts in placements.items():
        for mode, what in _PAD_MODES.items():
            yield f"{what} {where}", _on_first(partial(functional.pad, pad=amounts, mode=mode))


def _permuted(tensor: Tensor) -> Iterator[tuple[tuple[int, ...], Tensor]]:
    """All orders of the axes behind the samples but the present one."""
    axes = range(1, tensor.ndim)
    for order in permutations(axes):
        if order != tuple(axes) and tensor.ndim <= 5:
            yield order, tensor.permute(0, *order)


def _reshaped(call: FunctionCall) -> Replacements:
    shape = list(call.result.shape)
    if call.result.ndim < 2 or _first(call.arguments, call.keywords).ndim < 2:
        return
    for order, _ in _permuted(_first(call.arguments, call.keywords)):
        yield (
            f"axes in the order {order} before {call.name}, channels not first",
            _on_first(lambda tensor, order=order: tensor.permute(0, *order).reshape(shape)),
        )
    for order in permutations(range(1, len(shape))) if len(shape) <= 5 else ():
        if order != tuple(range(1, len(shape))):
            other, back = [shape[axis] for axis in order], [order.index(axis) + 1 for axis in range(1, len(shape))]
            yield (
                f"{call.name} to {tuple(other)} where the reference has {tuple(shape[1:])}",
                _on_first(lambda tensor, other=other, back=back: tensor.reshape(shape[0], *other).permute(0, *back)),
            )


def _not_transposed(call: FunctionCall) -> Replacements:
    shape = tuple(call.result.shape)
    yield "reshaped where the reference moves axes", _on_first(lambda tensor: tensor.reshape(shape))
    for order in permutations(range(call.result.ndim)) if call.result.ndim <= 4 else ():
        source = _first(call.arguments, call.keywords)
        if source.ndim == len(order) and tuple(source.shape[axis] for axis in order) == shape:
            yield f"axes in the order {order}", _on_first(lambda tensor, order=order: tensor.permute(order))


def _pooled(call: FunctionCall) -> Replacements:
    rank = call.result.ndim - 2
    if rank not in (1, 2, 3):
        return
    bound = {"stride": None, "padding": 0, **call.bound("input", "kernel_size", "stride", "padding")}
    kernel, stride = bound["kernel_size"], bound["stride"] or bound["kernel_size"]
    pads = bound["padding"]
    amounts = [pads] * rank if isinstance(pads, int) else list(pads)
    even = [amount for amount in reversed(amounts) for _ in range(2)]
    late = [count for amount in reversed(amounts) for count in (0, 2 * amount)]
    greatest, mean = (getattr(functional, f"{kind}_pool{rank}d") for kind in ("max", "avg"))
    yield "the greatest value where the reference averages", _on_first(lambda t: greatest(t, kernel, stride, pads))
    for counted in (True, False):
        words = "counting" if counted else "without counting"
        yield (
            f"the mean {words} the padding",
            _on_first(lambda t, counted=counted: mean(t, kernel, stride, pads, count_include_pad=counted)),
        )
    for name, by in (("at both ends", even), ("all at the end", late)):
        yield (
            f"the greatest value, padded with zeros {name}",
            _on_first(lambda t, by=by: greatest(functional.pad(t, by), kernel, stride)),
        )
        yield (
            f"the mean, padded with zeros {name}",
            _on_first(lambda t, by=by: mean(functional.pad(t, by), kernel, stride)),
        )
    lowest = float("-inf")
    yield (
        "the greatest value, padded all at the end",
        _on_first(lambda t: greatest(functional.pad(t, late, value=lowest), kernel, stride)),
    )


def _reduced(call: FunctionCall) -> Replacements:
    bound = call.bound("input", "dim", "keepdim")
    source = _first(call.arguments, call.keywords)
    axes = tuple(range(2, source.ndim)) if call.name.startswith("adaptive") else bound.get("dim")
    shape = call.result.shape
    for name, step in {"mean": torch.mean, "amax": torch.amax, "sum": torch.sum}.items():
        yield (
            f"{name} where the reference has {call.name}",
            _on_first(lambda t, step=step: step(t, dim=axes).reshape(shape)),
        )
    for axis in range(1, source.ndim):
        yield f"over axis {axis}", _on_first(lambda t, axis=axis: t.mean(dim=axis).reshape(shape))


def _another_axis(call: FunctionCall) -> Replacements:
    for axis in range(1, call.result.ndim):
        yield f"over axis {axis}", _on_first(partial(torch.softmax, dim=axis))


def _operands(call: FunctionCall) -> list[Any]:
    return list(call.arguments[:2])


def _unscaled(call: FunctionCall) -> Replacements:
    for number, operand in enumerate(_operands(call)):
        if isinstance(operand, Tensor) and operand.shape == call.result.shape:
            other = _operands(call)[1 - number] if len(call.arguments) > 1 else None
            if not isinstance(other, Tensor) or other.ndim == 0:
                yield (
                    f"{call.name} by {float(other) if other is not None else 0:.4g} is left out",
                    partial(_operand, number),
                )


def _operand(number: int, function: Any, arguments: tuple, keywords: Mapping[str, Any]) -> Tensor:
    return arguments[number]


def _one_operand(call: FunctionCall) -> Replacements:
    for number, operand in enumerate(_operands(call)):
        if isinstance(operand, Tensor) and operand.shape == call.result.shape:
            yield (
                f"only the {('first', 'second')[number]} of the two that the reference adds",
                partial(_operand, number),
            )


def _swapped_operands(call: FunctionCall) -> Replacements:
    if call.name in {"cat", "stack", "concat", "concatenate"}:
        yield from ((f"in the order {order}", partial(_joined, order)) for order in _orders(len(_pieces(call))))
    elif call.name in {"matmul", "bmm"}:
        yield "exchanged, each transposed", lambda function, arguments, keywords: arguments[1].mT @ arguments[0].mT
    elif len(call.arguments) > 1:
        yield (
            "exchanged",
            lambda function, arguments, keywords: function(arguments[1], arguments[0], *arguments[2:], **keywords),
        )


def _transposed_product(call: FunctionCall) -> Replacements:
    yield "the product transposed", lambda function, arguments, keywords: function(*arguments, **keywords).mT


def _pieces(call: FunctionCall) -> Sequence[Tensor]:
    return call.arguments[0] if call.arguments else call.keywords["tensors"]


def _orders(count: int) -> Iterator[tuple[int, ...]]:
    """All orders of a few operands; of many only those in which two are exchanged."""
    if count <= 4:
        yield from permutations(range(count))
        return
    for first, second in combinations(range(count), 2):
        order = list(range(count))
        order[first], order[second] = second, first
        yield tuple(order)


def _joined(order: Sequence[int], function: Any, arguments: tuple, keywords: Mapping[str, Any]) -> Tensor:
    if not arguments:
        return function(**{**keywords, "tensors": [keywords["tensors"][at] for at in order]})
    return function([arguments[0][at] for at in order], *arguments[1:], **keywords)


def _another_epsilon(call: FunctionCall) -> Replacements:
    for epsilon in EPSILONS:
        yield (
            f"epsilon {epsilon:g}",
            lambda function, arguments, keywords, epsilon=epsilon: function(*arguments, **{**keywords, "eps": epsilon}),
        )


EPSILONS = (1e-2, 1e-3, 1e-4, 1e-5, 1e-6, 1e-7, 1e-8, 1e-12, 0.0)

_ACTIVATION_NAMES = frozenset(
    [
        "relu",
        "relu6",
        "leaky_relu",
        "elu",
        "selu",
        "celu",
        "gelu",
        "silu",
        "mish",
        "softplus",
        "softsign",
        "tanh",
        "sigmoid",
        "hardtanh",
        "hardsigmoid",
        "hardswish",
        "clamp",
        "logsigmoid",
        "rrelu",
    ]
)
_POOL_NAMES = frozenset(f"{kind}_pool{rank}d" for kind in ("max", "avg") for rank in (1, 2, 3))
_REDUCTION_NAMES = frozenset(
    {"mean", "amax", "sum", *(f"adaptive_{kind}_pool{rank}d" for kind in ("avg", "max") for rank in (1, 2, 3))}
)
ADDITIONS = frozenset({"add", "iadd", "radd"})
"""What the addition of two branches is called."""

_MULTIPLY = frozenset({"mul", "imul", "rmul", "div", "truediv", "itruediv", "true_divide", "multiply", "divide"})
_ORDERED = frozenset({"cat", "stack", "concat", "concatenate", "sub", "subtract", "rsub", "matmul", "bmm"})

FUNCTION_ROWS: tuple[FunctionRow, ...] = (
    FunctionRow("activation missing", "add the activation that the reference has there", _ACTIVATION_NAMES, _left_out),
    FunctionRow(
        "activation of another kind",
        "use the reference's activation, with its slope and its approximation",
        _ACTIVATION_NAMES,
        _another_activation,
    ),
    FunctionRow(
        "resizing of another kind",
        "resize as the reference does: Keras' UpSampling only repeats; interpolate in a layer of your own",
        frozenset({"interpolate", "upsample", "upsample_nearest", "upsample_bilinear"}),
        _resized,
    ),
    FunctionRow(
        "padding of another kind", "pad in a layer of its own, as the reference does", frozenset({"pad"}), _padded
    ),
    FunctionRow(
        "flattened or reshaped in another order",
        "put Permute before Flatten and after Reshape, so that channels are outermost as in torch",
        frozenset({"flatten", "reshape", "view", "unflatten", "ravel"}),
        _reshaped,
    ),
    FunctionRow(
        "transposition missing",
        "move the axes as the reference does, by Permute rather than Reshape",
        frozenset({"transpose", "permute", "movedim", "swapaxes", "swapdims", "moveaxis", "t"}),
        _not_transposed,
    ),
    FunctionRow("pooling of another kind", "pool and pad as the reference does", _POOL_NAMES, _pooled),
    FunctionRow("pooling of another kind", "reduce as the reference does", _REDUCTION_NAMES, _reduced),
    FunctionRow("pooling missing", "reduce as the reference does", _POOL_NAMES | _REDUCTION_NAMES, _left_out),
    FunctionRow(
        "softmax over another axis",
        "give softmax the reference's axis",
        frozenset({"softmax", "log_softmax"}),
        _another_axis,
    ),
    FunctionRow(
        "activation missing", "add the softmax that the reference has there", frozenset({"softmax"}), _left_out
    ),
    FunctionRow("scale missing", "scale as the reference does", _MULTIPLY, _unscaled),
    FunctionRow("residual connection missing", "add both branches", ADDITIONS | {"sub"}, _one_operand),
    FunctionRow("operands in another order", "give both in the reference's order", _ORDERED, _swapped_operands),
    FunctionRow(
        "transposition missing",
        "move the axes as the reference does",
        frozenset({"matmul", "bmm"}),
        _transposed_product,
    ),
    FunctionRow(
        "another epsilon",
        "give Keras the reference's epsilon",
        frozenset({"layer_norm", "group_norm", "instance_norm", "normalize", "batch_norm", "rms_norm"}),
        _another_epsilon,
    ),
)
"""What the port may do in the place of a function that the reference calls between two layers."""


def _added_activation(tensor: Tensor) -> Steps:
    yield from ((f"{name} that the reference does not have", step) for name, step in ACTIVATIONS.items())


def _spatial_axes(tensor: Tensor) -> range:
    return range(2, tensor.ndim)


def shifted(tensor: Tensor) -> Steps:
    """One point along each spatial axis, either way, with anything at the end."""
    for axis in _spatial_axes(tensor):
        for step in (1, -1):
            side = "later" if step > 0 else "earlier"
            for fill in ("zeros", "the end point", "the other end"):
                yield (
                    f"one point {side} along axis {axis}, filled with {fill}",
                    partial(shift, axis=axis, step=step, fill=fill),
                )


def shift(tensor: Tensor, axis: int, step: int, fill: str) -> Tensor:
    """Move a tensor by one point along an axis."""
    rolled = torch.roll(tensor, step, axis)
    if fill == "the other end":
        return rolled
    edge = [slice(None)] * tensor.ndim
    edge[axis] = slice(0, 1) if step > 0 else slice(-1, None)
    rolled[tuple(edge)] = 0 if fill == "zeros" else tensor[tuple(edge)]
    return rolled


def _reversed(tensor: Tensor) -> Steps:
    for axis in range(1, tensor.ndim):
        what = "channels" if axis == 1 and tensor.ndim > 2 else "features" if axis == 1 else "points"
        yield f"{what} in reverse order (axis {axis})", partial(torch.flip, dims=(axis,))


def _transposed(tensor: Tensor) -> Steps:
    for order, moved in _permuted(tensor):
        if moved.shape == tensor.shape:
            yield f"axes in the order {order}", lambda t, order=order: t.permute(0, *order)


STEP_ROWS: tuple[StepRow, ...] = (
    StepRow("activation added", "remove it: the reference has none there", _added_activation),
    StepRow("offset by one point", "pad and crop as the reference does, at the same end", shifted),
    StepRow("reversed along an axis", "give both models the same order", _reversed),
    StepRow("transposition missing", "move the axes back into the reference's order", _transposed),
)
"""Steps that the port may have besides."""
