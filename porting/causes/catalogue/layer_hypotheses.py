"""The catalogue of what is another inside a layer. Adding a hypothesis is adding a row.

`weight_hypotheses` has where wrong weights come from, `function_hypotheses` and `steps` what lies between layers.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import partial
from itertools import combinations
from typing import Any

import torch
from torch import Tensor

from porting.causes.catalogue.rearrangements import gate_orders, rearrangements, with_gates
from porting.causes.catalogue.recurrences import KINDS, other_functions, reset_before, turned
from porting.causes.catalogue.states import other_starts
from porting.causes.catalogue.steps import shifted
from porting.causes.catalogue.variants import ACTIVATIONS, EPSILONS, Step
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
    instead : callable, optional
        Computes the output of what the layer is given, in its place.
    starts : callable, optional
        Changes the states that it starts from.
    """

    detail: str
    tensors: Mapping[str, Tensor] = field(default_factory=dict)
    attributes: Mapping[str, Any] = field(default_factory=dict)
    training: bool = False
    before: Step | None = None
    behind: Step | None = None
    instead: Step | None = None
    starts: Callable[[Any], Any] | None = None


@dataclass(frozen=True, slots=True)
class LayerContext:
    """A layer call that diverges by itself.

    Attributes
    ----------
    call : LayerCall
        The reference's.
    tensors : Mapping
        Its tensors by their names in the model.
    partner : LayerCall
        The port's.
    """

    call: LayerCall
    tensors: Mapping[str, Tensor]
    partner: LayerCall


@dataclass(frozen=True, slots=True)
class LayerRow:
    """A way in which a layer may be another one inside."""

    name: str
    remedy: str | Callable[[LayerContext], str]
    variants: Callable[[LayerContext], Iterator[LayerVariant]]

    def remedy_for(self, context: LayerContext) -> str:
        """What to change in this layer."""
        return self.remedy if isinstance(self.remedy, str) else self.remedy(context)


def _with_reordered_gates(context: LayerContext) -> Iterator[LayerVariant]:
    """Of each tensor, of all kernels, and of all tensors alike."""
    yield from _with_rearranged("gates in another order", context)
    kernels = {name: tensor for name, tensor in context.tensors.items() if tensor.ndim > 1}
    for which, tensors in (("all kernels", kernels), ("all tensors", context.tensors)):
        for order in gate_orders(context.call.kind):
            reordered = {name: with_gates(tensor, order) for name, tensor in tensors.items()}
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
        own = context.partner.settings.get("epsilon")
        for epsilon in dict.fromkeys((own, *EPSILONS) if isinstance(own, float) else EPSILONS):
            detail = f"epsilon {epsilon:g} where the reference has {context.call.settings['eps']:g}"
            yield LayerVariant(detail, attributes={"eps": epsilon})


def _in_training(context: LayerContext) -> Iterator[LayerVariant]:
    if "Norm" in context.call.kind:
        yield LayerVariant("normalises by the batch's own statistics", training=True)


def _with_activation(context: LayerContext) -> Iterator[LayerVariant]:
    for name, step in ACTIVATIONS.items():
        yield LayerVariant(f"{name} inside the layer", behind=step)


def _with_other_functions(context: LayerContext) -> Iterator[LayerVariant]:
    for detail, step in other_functions(context.call, context.tensors):
        yield LayerVariant(detail, instead=step)


def _with_reset_before(context: LayerContext) -> Iterator[LayerVariant]:
    for detail, step in reset_before(context.call, context.tensors):
        yield LayerVariant(detail, instead=step)


def _turned_round(context: LayerContext) -> Iterator[LayerVariant]:
    if context.call.kind in KINDS:
        behind = turned if context.call.settings.get("reverse") else None
        yield LayerVariant("the sequence goes the other way round", before=turned, behind=behind)


def _with_other_starts(context: LayerContext) -> Iterator[LayerVariant]:
    yield from (LayerVariant(detail, starts=change) for detail, change in other_starts(context.call))


def _own_functions(context: LayerContext) -> str:
    """Give the port's layer the reference's functions."""
    state = "relu" if context.call.settings.get("mode") == "RNN_RELU" else "tanh"
    gates = "" if context.call.kind == "RNN" else ', recurrent_activation="sigmoid"'
    return f'give {context.partner.name} the reference\'s activation="{state}"{gates}'


def _own_direction(context: LayerContext) -> str:
    """Turn the port's layer as the reference's."""
    return (
        f"give {context.partner.name} go_backwards={bool(context.call.settings.get('reverse'))}, as the reference has"
    )


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


def _own_setting(theirs: str, ours: str, context: LayerContext) -> str:
    """Give the port's layer the reference's value."""
    value = context.call.settings.get(ours)
    written = f"{value:g}" if isinstance(value, float) else value
    return f"give {context.partner.name} the reference's {theirs}={written}"


_BY_NAME = "assign gamma, beta, moving_mean and moving_variance by name"

LAYER_ROWS: tuple[LayerRow, ...] = (
    LayerRow("another epsilon", partial(_own_setting, "epsilon", "eps"), _with_epsilon),
    LayerRow("training mode left on", "call the layer with training=False", _in_training),
    LayerRow("mean and variance swapped", _BY_NAME, _with_swapped_tensors),
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
    LayerRow("reversed along an axis", _own_direction, _turned_round),
    LayerRow(
        "started from another state",
        lambda context: f"give {context.partner.name} the reference's initial_state: of an LSTM [h, c], in this order",
        _with_other_starts,
    ),
    LayerRow("activation of another kind", _own_functions, _with_other_functions),
    LayerRow(
        "reset before the product", lambda context: f"give {context.partner.name} reset_after=True", _with_reset_before
    ),
    LayerRow("bias missing", "add the bias", _without_bias),
    LayerRow(
        "activation added", "take the activation out of the layer: the reference has none there", _with_activation
    ),
    LayerRow("other groups", partial(_own_setting, "groups", "num_groups"), _with_groups),
    LayerRow("another axis normalised", "normalise the reference's axes: the last one in Keras", _along_another_axis),
    LayerRow("offset by one point", "pad and crop as the reference does, at the same end", _shifted_output),
    LayerRow("rounded to float16", "compute and store in float32", partial(_in_half, torch.float16)),
    LayerRow("rounded to bfloat16", "compute and store in float32", partial(_in_half, torch.bfloat16)),
)
"""How a layer that gets the right input and holds the right weights may give another output."""
