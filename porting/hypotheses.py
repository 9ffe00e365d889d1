"""The catalogue of what ports get wrong: one row per hypothesis. Adding one is adding a row.

Three tables: of functions between layers that the port runs otherwise (`FUNCTION_ROWS`), of steps that it has besides
(`STEP_ROWS`), and of layers that are others inside (`LAYER_ROWS`); and one of where wrong weights come from
(`WEIGHT_ROWS`). Everything is in the reference's axis order: (sample, channel, spatial axes) or (sample, feature).

Imports torch; only `causes` uses it, where there is a divergence to explain.
"""

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from itertools import combinations, permutations
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional

from porting.traces import LayerCall

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


def _shifted(tensor: Tensor) -> Steps:
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
    StepRow("offset by one point", "pad and crop as the reference does, at the same end", _shifted),
    StepRow("reversed along an axis", "give both models the same order", _reversed),
    StepRow("transposition missing", "move the axes back into the reference's order", _transposed),
)
"""Steps that the port may have besides."""


@dataclass(frozen=True, slots=True)
class LayerVariant:
    """A layer as the port may have it: other tensors, other attributes, another mode; a step before or behind it.

    Attributes
    ----------
    detail : str
    tensors : Mapping
        Name in the model -> value.
    attributes : Mapping
        Of the module.
    training : bool
    before, behind : callable
    """

    detail: str
    tensors: Mapping[str, Tensor] = field(default_factory=dict)
    attributes: Mapping[str, Any] = field(default_factory=dict)
    training: bool = False
    before: Step | None = None
    behind: Step | None = None


@dataclass(frozen=True, slots=True)
class LayerContext:
    """A layer call that diverges by itself.

    Attributes
    ----------
    call : LayerCall
        The reference's.
    tensors : Mapping
        Its tensors by their names in the model.
    port_settings : Mapping
        The settings of its partner.
    """

    call: LayerCall
    tensors: Mapping[str, Tensor]
    port_settings: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class LayerRow:
    """A way in which a layer may be another one inside."""

    name: str
    remedy: str
    variants: Callable[[LayerContext], Iterator[LayerVariant]]


def rearrangements(tensor: Tensor, kind: str) -> Iterator[tuple[str, str, Tensor]]:
    """The same values in other places: (name of the hypothesis, detail, tensor)."""
    spatial = [axis for axis in range(2, tensor.ndim) if tensor.shape[axis] > 1]
    for count in range(1, len(spatial) + 1):
        for axes in combinations(spatial, count):
            yield "kernel reversed along its taps", f"along axis {', '.join(map(str, axes))}", tensor.flip(axes)
    for order in permutations(range(tensor.ndim)) if 1 < tensor.ndim <= 5 else ():
        if order != tuple(range(tensor.ndim)) and tensor.permute(order).shape == tensor.shape:
            yield "transposed wrongly", f"axes in the order {order}", tensor.permute(order)
    if tensor.ndim > 1:
        for order in permutations(range(tensor.ndim)):
            shape = [tensor.shape[axis] for axis in order]
            back = [order.index(axis) for axis in range(tensor.ndim)]
            if order != tuple(range(tensor.ndim)):
                yield (
                    "transposed wrongly",
                    f"reshaped to {tuple(shape)} where axes move",
                    tensor.reshape(shape).permute(back),
                )
    yield from _regrouped(tensor, kind)


def _regrouped(tensor: Tensor, kind: str) -> Iterator[tuple[str, str, Tensor]]:
    """The first axis taken as several: gates in another order, or groups and members exchanged."""
    length = tensor.shape[0] if tensor.ndim else 0
    if kind in {"LSTM", "GRU", "RNN"}:
        for gates in (3, 4):
            for order in permutations(range(gates)) if length % gates == 0 else ():
                if order != tuple(range(gates)):
                    chunks = tensor.chunk(gates)
                    yield "gates in another order", f"in the order {order}", torch.cat([chunks[at] for at in order])
    for groups in range(2, length // 2 + 1):
        if length % groups == 0:
            split = tensor.reshape(groups, length // groups, *tensor.shape[1:])
            yield "transposed wrongly", f"{groups} groups interleaved", split.transpose(0, 1).reshape(tensor.shape)


def _with_rearranged(name: str, context: LayerContext) -> Iterator[LayerVariant]:
    for tensor_name, tensor in context.tensors.items():
        for found, detail, other in rearrangements(tensor, context.call.kind):
            if found == name:
                yield LayerVariant(f"{tensor_name}: {detail}", {tensor_name: other})


def _without_bias(context: LayerContext) -> Iterator[LayerVariant]:
    for word, name in context.call.weights.items():
        if word.startswith("bias") and name in context.tensors:
            yield LayerVariant(f"{name} is not added", {name: torch.zeros_like(context.tensors[name])})


def _with_swapped_tensors(context: LayerContext) -> Iterator[LayerVariant]:
    for first, second in combinations(context.tensors, 2):
        if context.tensors[first].shape == context.tensors[second].shape:
            swapped = {first: context.tensors[second], second: context.tensors[first]}
            yield LayerVariant(f"{first} and {second} are exchanged", swapped)


def _with_epsilon(context: LayerContext) -> Iterator[LayerVariant]:
    if "eps" in context.call.settings:
        own = context.port_settings.get("epsilon")
        for epsilon in dict.fromkeys((own, *EPSILONS) if isinstance(own, float) else EPSILONS):
            detail = f"epsilon {epsilon:g} where the reference has {context.call.settings['eps']:g}"
            yield LayerVariant(detail, attributes={"eps": epsilon})


def _in_training(context: LayerContext) -> Iterator[LayerVariant]:
    if "Norm" in context.call.kind:
        yield LayerVariant("normalises by the batch's own statistics", training=True)


def _with_activation(context: LayerContext) -> Iterator[LayerVariant]:
    for name, step in ACTIVATIONS.items():
        yield LayerVariant(f"{name} inside the layer", behind=step)


def _with_groups(context: LayerContext) -> Iterator[LayerVariant]:
    channels = context.call.settings.get("num_channels", 0)
    for groups in range(1, channels + 1):
        if "num_groups" in context.call.settings and channels % groups == 0:
            detail = f"{groups} groups where the reference has {context.call.settings['num_groups']}"
            yield LayerVariant(detail, attributes={"num_groups": groups})


def _along_another_axis(context: LayerContext) -> Iterator[LayerVariant]:
    if "Norm" not in context.call.kind:
        return
    ndim = context.call.input.ndim
    for first, second in combinations(range(1, ndim), 2):
        exchange = partial(torch.transpose, dim0=first, dim1=second)
        yield LayerVariant(f"axes {first} and {second} exchanged", before=exchange, behind=exchange)


def _shifted_output(context: LayerContext) -> Iterator[LayerVariant]:
    yield from (LayerVariant(detail, behind=step) for detail, step in _shifted(torch.as_tensor(context.call.output)))
    if context.call.input.dtype.kind in "iu":
        for step in (1, -1):
            top = context.tensors[next(iter(context.tensors))].shape[0] - 1
            yield LayerVariant(f"tokens {step:+d}", before=lambda t, step=step, top=top: (t + step).clamp(0, top))


def _in_half(dtype: torch.dtype, context: LayerContext) -> Iterator[LayerVariant]:
    rounded = {name: tensor.to(dtype).to(tensor.dtype) for name, tensor in context.tensors.items()}
    yield LayerVariant("weights rounded", rounded)
    yield LayerVariant("weights and input rounded", rounded, before=lambda t: t.to(dtype).to(t.dtype))


LAYER_ROWS: tuple[LayerRow, ...] = (
    LayerRow("another epsilon", "give Keras the reference's epsilon: its own default is another", _with_epsilon),
    LayerRow("training mode left on", "call the port with training=False", _in_training),
    LayerRow("mean and variance swapped", "assign moving_mean and moving_variance by name", _with_swapped_tensors),
    LayerRow(
        "kernel reversed along its taps",
        "both frameworks correlate: move the taps unreversed",
        partial(_with_rearranged, "kernel reversed along its taps"),
    ),
    LayerRow(
        "transposed wrongly",
        "correct the axis pattern: mind axes of equal length",
        partial(_with_rearranged, "transposed wrongly"),
    ),
    LayerRow(
        "gates in another order",
        "reorder the gates as the other framework has them",
        partial(_with_rearranged, "gates in another order"),
    ),
    LayerRow("bias missing", "add the bias", _without_bias),
    LayerRow(
        "activation added", "make the activation a layer of its own, where the reference has one", _with_activation
    ),
    LayerRow("other groups", "give Keras the reference's number of groups", _with_groups),
    LayerRow("another axis normalised", "normalise the reference's axes", _along_another_axis),
    LayerRow("offset by one point", "pad and crop as the reference does", _shifted_output),
    LayerRow("rounded to float16", "compute and store in float32", partial(_in_half, torch.float16)),
    LayerRow("rounded to bfloat16", "compute and store in float32", partial(_in_half, torch.bfloat16)),
)
"""How a layer that gets the right input and holds the right weights may give another output."""


@dataclass(frozen=True, slots=True)
class WeightContext:
    """A tensor of the port that is not the checkpoint's.

    Attributes
    ----------
    name, kind : str
        The reference's name, and its layer's type.
    word : str
        The layer's own word for it.
    reference, port : Tensor
        In the reference's axis order.
    siblings : Mapping
        The layer's other tensors.
    state : Mapping
        All tensors of the reference.
    """

    name: str
    kind: str
    word: str
    reference: Tensor
    port: Tensor
    siblings: Mapping[str, Tensor]
    state: Mapping[str, Tensor]


@dataclass(frozen=True, slots=True)
class WeightRow:
    """Where a wrong tensor comes from; `says` gives the detail, or nothing where it does not come from there."""

    name: str
    remedy: str
    says: Callable[[WeightContext], str]


def _is_rearranged(name: str, context: WeightContext) -> str:
    for found, detail, other in rearrangements(context.reference, context.kind):
        if found == name and torch.equal(other, context.port):
            return detail
    return ""


def _is_rounded(dtype: torch.dtype, context: WeightContext) -> str:
    rounded = context.reference.to(dtype).to(context.reference.dtype)
    return "every value is the checkpoint's, rounded" if torch.equal(rounded, context.port) else ""


def _is_siblings(context: WeightContext) -> str:
    """Only of running statistics: other tensors of the layer are like any layer's."""
    found = (name for name, value in context.siblings.items() if "running" in name and _equal(value, context.port))
    return next((f"holds {name}" for name in found if "running" in context.name), "")


def _is_anothers(context: WeightContext) -> str:
    return next((f"holds {name}" for name, value in context.state.items() if _equal(value, context.port)), "")


def _equal(first: Tensor, second: Tensor) -> bool:
    return first.shape == second.shape and first.numel() > 1 and torch.equal(first, second)


def _is_missing(context: WeightContext) -> str:
    return "all zeros" if context.word.startswith("bias") and not context.port.any() else ""


def _is_scaled(context: WeightContext) -> str:
    pairs = context.reference.flatten().double(), context.port.flatten().double()
    factor = float(pairs[0] @ pairs[1] / max(float(pairs[0] @ pairs[0]), 1e-300))
    apart = float((pairs[1] - factor * pairs[0]).abs().max())
    fits = pairs[0].numel() > 1 and factor != 0 and apart <= 1e-6 * float(pairs[1].abs().max())
    return f"{factor:.6g} times the checkpoint's" if fits else ""


def _is_initial(context: WeightContext) -> str:
    values = context.port.double()
    if (values == values.flatten()[0]).all():
        return f"all {float(values.flatten()[0]):g}"
    if values.ndim < 2:
        return ""
    fan_in, fan_out = values[0].numel(), values.numel() // values.shape[1]
    bounds = {
        "Keras' GlorotUniform": math.sqrt(6 / (fan_in + fan_out)),
        "HeUniform": math.sqrt(6 / fan_in),
        "torch's default": 1 / math.sqrt(fan_in),
        "LecunUniform": math.sqrt(3 / fan_in),
        "Keras' RandomUniform": 0.05,
    }
    greatest, spread = float(values.abs().max()), float(values.std())
    for name, bound in bounds.items():
        if 0.9 * bound <= greatest <= bound * (1 + 1e-6) and abs(spread * math.sqrt(3) / bound - 1) < 0.1:
            return f"spread like {name} (within {bound:.3g})"
    return ""


WEIGHT_ROWS: tuple[WeightRow, ...] = (
    WeightRow("bias missing", "assign the bias", _is_missing),
    WeightRow("mean and variance swapped", "assign moving_mean and moving_variance by name", _is_siblings),
    WeightRow(
        "another layer's weights", "pair the layers rightly (matches={...}) and assign tensors by name", _is_anothers
    ),
    WeightRow(
        "kernel reversed along its taps",
        "both frameworks correlate: move the taps unreversed",
        partial(_is_rearranged, "kernel reversed along its taps"),
    ),
    WeightRow(
        "gates in another order",
        "reorder the gates as the other framework has them",
        partial(_is_rearranged, "gates in another order"),
    ),
    WeightRow("transposed wrongly", "correct the axis pattern", partial(_is_rearranged, "transposed wrongly")),
    WeightRow("rounded to float16", "keep float32 all the way", partial(_is_rounded, torch.float16)),
    WeightRow("rounded to bfloat16", "keep float32 all the way", partial(_is_rounded, torch.bfloat16)),
    WeightRow("scaled weights", "assign the checkpoint's own values", _is_scaled),
    WeightRow("left at its initialisation", "assign the checkpoint's values to this layer", _is_initial),
)
"""Where a tensor that is not the checkpoint's comes from; the first row that fits is it."""
