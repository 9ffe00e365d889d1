"""Causes that are found by fitting rather than by running: a scale, a dropout mask, a shift, an order.

All arrays are in the port's axis order: (sample, spatial axes, channel). What is fitted on one half of the values is
held against the other half, which it has not seen.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import product

import numpy as np

_VALUES_PER_PARAMETER = 8
"""How many values each fitted number must explain."""

_MARGIN = 2
"""Points at either end that a shift may have filled with anything, and padding repeated."""

_MOST_CHANNELS = 4096
"""Channels that an order is looked for among: a matrix of all pairs is made."""


@dataclass(frozen=True, slots=True)
class Fit:
    """What was fitted, and the relative error that it leaves."""

    name: str
    detail: str
    remedy: str
    left: float


def _left(predicted: np.ndarray, found: np.ndarray) -> float:
    scale = float(np.abs(found).max(initial=0.0))
    return float(np.abs(predicted - found).max(initial=0.0)) / scale if scale else np.inf


def dropout(baseline: np.ndarray, found: np.ndarray) -> Fit | None:
    """Some values are zero, all others one and the same multiple of the reference's."""
    nonzero = baseline != 0
    ratios = found[nonzero] / baseline[nonzero]
    kept = ratios[ratios != 0]
    if not _VALUES_PER_PARAMETER <= len(kept) < len(ratios):
        return None
    factor = float(np.median(kept))
    share = 1 - len(kept) / len(ratios)
    if factor < 1 or abs(share - (1 - 1 / factor)) > 0.15:
        return None
    predicted = np.where(found == 0, 0.0, factor * baseline)
    detail = f"{share:.0%} of the values are zero, the others {factor:.3g} times the reference's: dropout is at work"
    return Fit("training mode left on", detail, "call the port with training=False", _left(predicted, found))


def scaled(baseline: np.ndarray, found: np.ndarray) -> Fit | None:
    """One factor and one shift for everything, for each channel, or for each sample."""
    best: Fit | None = None
    for what, axes in _groupings(baseline):
        factor, shift, left = _affine(baseline, found, axes)
        if best is None or left < best.left / 100:
            words = f"x {_range(factor)} + {_range(shift)}{what}"
            remedy = f"undo it: {_undone(factor, shift)}, or give both models the same units"
            best = Fit("input scaled", words, remedy, left)
    return best


def _undone(factor: np.ndarray, shift: np.ndarray) -> str:
    if factor.size > 1 or factor.flat[0] == 0:
        return "scale there as the reference does"
    scale = 1 / float(factor.flat[0])
    offset = -float(shift.flat[0]) * scale
    return f"Rescaling({scale:.9g}{f', {offset:.9g}' if abs(offset) > 1e-12 else ''}) there, or the scaling removed"


def _groupings(baseline: np.ndarray) -> Iterator[tuple[str, tuple[int, ...]]]:
    """Axes to share one factor and one shift along, where they leave enough values to fit them on, and to hold out."""
    every = tuple(range(baseline.ndim))
    for what, axes in (("", every), (", by channel", every[:-1]), (", by sample", every[1:])):
        if axes and np.prod([baseline.shape[axis] for axis in axes]) >= 4 * _VALUES_PER_PARAMETER:
            yield what, axes


def _affine(baseline: np.ndarray, found: np.ndarray, axes: tuple[int, ...]) -> tuple[np.ndarray, np.ndarray, float]:
    """Least squares of ``found = factor x baseline + shift``, shared along `axes`, on every other value along them."""
    kept = [axis for axis in range(baseline.ndim) if axis not in axes]
    shape = [baseline.shape[axis] for axis in kept]
    ours, theirs = (np.transpose(array, (*kept, *axes)).reshape(*shape, -1) for array in (baseline, found))
    seen = (ours[..., ::2], theirs[..., ::2])
    mean, found_mean = (array.mean(axis=-1, keepdims=True) for array in seen)
    centred = seen[0] - mean
    power = np.square(centred).mean(axis=-1, keepdims=True)
    factor = (centred * (seen[1] - found_mean)).mean(axis=-1, keepdims=True) / np.where(power == 0, 1, power)
    shift = found_mean - factor * mean
    return factor, shift, _left(factor * ours + shift, theirs)


def _range(values: np.ndarray) -> str:
    low, high = float(values.min()), float(values.max())
    return f"{low:.4g}" if abs(high - low) <= 1e-9 * max(abs(high), 1) else f"{low:.4g}..{high:.4g}"


def shifted_interior(baseline: np.ndarray, found: np.ndarray) -> Fit | None:
    """One point earlier or later along one or several spatial axes, whatever stands at the ends."""
    spatial = range(1, baseline.ndim - 1)
    margins = [min(_MARGIN, (baseline.shape[axis] - 1) // 2) for axis in spatial]
    insides = [np.arange(margin, baseline.shape[axis] - margin) for axis, margin in zip(spatial, margins, strict=True)]
    compared = len(baseline) * int(np.prod([len(inside) for inside in insides])) * baseline.shape[-1]
    if not insides or not all(margins) or compared < _VALUES_PER_PARAMETER:
        return None
    middle = _taken(found, insides)
    for steps in product((-1, 0, 1), repeat=len(insides)):
        moved = _taken(baseline, [inside - step for inside, step in zip(insides, steps, strict=True)])
        if any(steps) and (left := _left(moved, middle)) < 1e-9:
            words = [
                f"{'later' if step > 0 else 'earlier'} along axis {axis}"
                for axis, step in zip(spatial, steps, strict=False)
                if step
            ]
            detail = f"one point {' and '.join(words)}, but for the ends"
            ends = "in front of" if any(step > 0 for step in steps) else "behind"
            remedy = (
                f"move it back by one point: take one point of padding less {ends} it, or crop the one that is there"
            )
            return Fit("offset by one point", detail, remedy, left)
    return None


def _taken(array: np.ndarray, indices: list[np.ndarray]) -> np.ndarray:
    """The points at `indices` of each spatial axis."""
    for axis, at in enumerate(indices, start=1):
        array = np.take(array, at, axis)
    return array


def reordered_channels(baseline: np.ndarray, found: np.ndarray) -> Fit | None:
    """The channels in another order, whichever: solved as an assignment on half of the values, seen on the other."""
    channels = baseline.shape[-1]
    ours, theirs = (array.reshape(-1, channels).T for array in (baseline, found))
    if not 1 < channels <= _MOST_CHANNELS or ours.shape[1] < _VALUES_PER_PARAMETER:
        return None
    order = assigned(ours[:, ::2], theirs[:, ::2])
    if order is None or (order == np.arange(channels)).all():
        return None
    left = _left(ours[order], theirs)
    back = np.argsort(order)
    return Fit(
        "channels in another order",
        f"the port's channels are the reference's {described_order(order)}",
        f"put them back: take the channels {described_order(back)}, or reorder the weights of the layer before",
        left,
    )


def assigned(ours: np.ndarray, theirs: np.ndarray) -> np.ndarray | None:
    """Which row of ours each of theirs is: (row, value) twice -> (row,); None where they cannot be the same rows."""
    from scipy.optimize import linear_sum_assignment

    if ours.shape != theirs.shape or not np.isfinite(theirs).all():
        return None
    if not np.allclose(np.sort(ours.sum(axis=1)), np.sort(theirs.sum(axis=1)), rtol=1e-6, atol=1e-9):
        return None  # the same rows in another order have the same sums: most arrays end here
    power = np.square(ours).sum(axis=1)
    apart = np.square(theirs).sum(axis=1)[:, None] + power[None, :] - 2 * theirs @ ours.T
    return linear_sum_assignment(apart)[1]


def described_order(order: np.ndarray) -> str:
    """An order as people say it: reversed, rolled, in groups, else its first numbers."""
    length = len(order)
    if (order == np.arange(length)[::-1]).all():
        return "in reverse order"
    for step in range(1, length):
        if (order == np.roll(np.arange(length), step)).all():
            return f"rolled by {step}"
    for groups in range(2, length):
        if length % groups == 0 and (order == np.arange(length).reshape(groups, -1).T.ravel()).all():
            return f"as {length // groups} x {groups} where they are {groups} x {length // groups}"
    shown = ", ".join(str(int(number)) for number in order[:12])
    return f"in the order {shown}{' ...' if length > 12 else ''}"


FittedBy = Callable[[np.ndarray, np.ndarray], Fit | None]

FITS: tuple[FittedBy, ...] = (dropout, shifted_interior, scaled)
"""Between layers, in the order in which they are tried; the first that explains is the cause."""

IN_SEGMENTS: tuple[FittedBy, ...] = (reordered_channels,)
"""Behind those."""

IN_LAYERS: tuple[FittedBy, ...] = (shifted_interior, reordered_channels)
"""Inside a layer."""
