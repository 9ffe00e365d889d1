"""The catalogue of where wrong weights come from. Adding a hypothesis is adding a row."""

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial

import numpy as np
import torch
from torch import Tensor

from porting.causes.catalogue.fits import assigned, described_order
from porting.causes.catalogue.rearrangements import rearrangements

MOST_ROWS = 4096
"""Slices that an order is looked for among."""

_VALUES_TO_FIT_ON = 8
"""A factor that fits fewer values than this proves nothing."""


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
    checkpoint : Mapping
        All tensors as the checkpoint has them: also those that Keras holds only as their sum.
    """

    name: str
    kind: str
    word: str
    reference: Tensor
    port: Tensor
    siblings: Mapping[str, Tensor]
    state: Mapping[str, Tensor]
    checkpoint: Mapping[str, np.ndarray]


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


def _is_alone(context: WeightContext) -> str:
    """One of several tensors that Keras holds as their sum."""
    value = context.port.to(torch.float32)
    for word, name in (("", context.name), ("", context.name.replace("_ih_", "_hh_"))):
        found = context.checkpoint.get(name)
        if found is not None and found.shape == tuple(value.shape):
            alone = torch.as_tensor(np.asarray(found, dtype=np.float32))
            if torch.equal(alone, value) and alone.any() and not torch.equal(alone.double(), context.reference):
                return f"is {name} alone, must be the sum of bias_ih and bias_hh{word}"
    return ""


def _is_permuted(context: WeightContext) -> str:
    """The same slices along one axis in another order: filters, channels, units of a bias, groups of filters."""
    ours, theirs = context.reference.double().numpy(), context.port.double().numpy()
    for axis in range(ours.ndim if ours.shape == theirs.shape else 0):
        rows = [np.moveaxis(array, axis, 0).reshape(array.shape[axis], -1) for array in (ours, theirs)]
        is_fit = 2 < len(rows[0]) <= MOST_ROWS and not (rows[0] == rows[0][0]).all()
        order = assigned(*rows) if is_fit else None
        if order is not None and np.array_equal(rows[0][order], rows[1]):
            return f"axis {axis} ({len(order)} long) holds the checkpoint's {described_order(order)}"
    return ""


def _is_missing(context: WeightContext) -> str:
    return "all zeros" if context.word.startswith("bias") and not context.port.any() else ""


def _is_scaled(context: WeightContext) -> str:
    if context.reference.numel() < _VALUES_TO_FIT_ON:
        return ""
    pairs = context.reference.flatten().double(), context.port.flatten().double()
    factor = float(pairs[0] @ pairs[1] / max(float(pairs[0] @ pairs[0]), 1e-300))
    apart = float((pairs[1] - factor * pairs[0]).abs().max())
    fits = factor != 0 and apart <= 1e-6 * float(pairs[1].abs().max())
    return f"{factor:.6g} times the checkpoint's" if fits else ""


def _is_initial(context: WeightContext) -> str:
    values = context.port.double()
    if (values == values.flatten()[0]).all():
        first = float(values.flatten()[0])
        return f"all {first:g}" if values.numel() > 1 or first in (0.0, 1.0) else ""
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
    WeightRow("part of a sum", "assign the sum of bias_ih and bias_hh: Keras has one bias", _is_alone),
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
    WeightRow("channels in another order", "assign the checkpoint's own order, or undo it in the graph", _is_permuted),
    WeightRow("rounded to float16", "keep float32 all the way", partial(_is_rounded, torch.float16)),
    WeightRow("rounded to bfloat16", "keep float32 all the way", partial(_is_rounded, torch.bfloat16)),
    WeightRow("scaled weights", "assign the checkpoint's own values", _is_scaled),
    WeightRow("left at its initialisation", "assign the checkpoint's values to this layer", _is_initial),
)
"""Where a tensor that is not the checkpoint's comes from; the first row that fits is it."""
