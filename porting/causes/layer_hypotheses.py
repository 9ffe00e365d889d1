"""The catalogue of what is wrong inside a layer: one row per hypothesis. Adding one is adding a row.

Two tables: of layers that are others inside (`LAYER_ROWS`), and of where wrong weights come from (`WEIGHT_ROWS`). See
`hypotheses` for what lies between layers.
"""

import math
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import partial
from itertools import combinations, permutations
from typing import Any

import torch
from torch import Tensor

from porting.causes.steps import shifted
from porting.causes.variants import ACTIVATIONS, EPSILONS, Step
from porting.traces import LayerCall


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
    for order in _gate_orders(kind) if length else ():
        yield "gates in another order", f"in the order {order}", _with_gates(tensor, order)
    for groups in range(2, length // 2 + 1):
        if length % groups == 0:
            split = tensor.reshape(groups, length // groups, *tensor.shape[1:])
            yield "transposed wrongly", f"{groups} groups interleaved", split.transpose(0, 1).reshape(tensor.shape)


def _gate_orders(kind: str) -> Iterator[tuple[int, ...]]:
    """All orders of a recurrent layer's gates but its own."""
    gates = {"LSTM": 4, "GRU": 3}.get(kind, 1)
    return (order for order in permutations(range(gates)) if order != tuple(range(gates)))


def _with_gates(tensor: Tensor, order: tuple[int, ...]) -> Tensor:
    chunks = tensor.chunk(len(order))
    return torch.cat([chunks[at] for at in order])


def _with_reordered_gates(context: LayerContext) -> Iterator[LayerVariant]:
    """Of each tensor, of all kernels, and of all tensors alike."""
    yield from _with_rearranged("gates in another order", context)
    kernels = {name: tensor for name, tensor in context.tensors.items() if tensor.ndim > 1}
    for which, tensors in (("all kernels", kernels), ("all tensors", context.tensors)):
        for order in _gate_orders(context.call.kind):
            reordered = {name: _with_gates(tensor, order) for name, tensor in tensors.items()}
            yield LayerVariant(f"{which}: in the order {order}", reordered)


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
    yield from (LayerVariant(detail, behind=step) for detail, step in shifted(torch.as_tensor(context.call.output)))
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
        _with_reordered_gates,
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
