"""Causes that are found by fitting rather than by running: a scale, a dropout mask, a shift with unknown ends.

All arrays are in the port's axis order: (sample, spatial axes, channel).
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import product

import numpy as np

_VALUES_PER_PARAMETER = 8
"""How many values each fitted number must explain."""

_MARGIN = 2
"""Points at either end that a shift may have filled with anything, and padding repeated."""


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
    if not 0 < len(kept) < len(ratios):
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
            best = Fit("input scaled", words, "give both models the same units, or scale as the reference does", left)
    return best


def _groupings(baseline: np.ndarray) -> Iterator[tuple[str, tuple[int, ...]]]:
    """Axes to share one factor and one shift along, where they leave enough values to fit them on."""
    every = tuple(range(baseline.ndim))
    for what, axes in (("", every), (", by channel", every[:-1]), (", by sample", every[1:])):
        if axes and np.prod([baseline.shape[axis] for axis in axes]) >= 2 * _VALUES_PER_PARAMETER:
            yield what, axes


def _affine(baseline: np.ndarray, found: np.ndarray, axes: tuple[int, ...]) -> tuple[np.ndarray, np.ndarray, float]:
    """Least squares of ``found = factor x baseline + shift``, shared along `axes`."""
    mean, found_mean = (array.mean(axis=axes, keepdims=True) for array in (baseline, found))
    centred = baseline - mean
    power = np.square(centred).mean(axis=axes, keepdims=True)
    factor = (centred * (found - found_mean)).mean(axis=axes, keepdims=True) / np.where(power == 0, 1, power)
    shift = found_mean - factor * mean
    return factor, shift, _left(factor * baseline + shift, found)


def _range(values: np.ndarray) -> str:
    low, high = float(values.min()), float(values.max())
    return f"{low:.4g}" if abs(high - low) <= 1e-9 * max(abs(high), 1) else f"{low:.4g}..{high:.4g}"


def shifted_interior(baseline: np.ndarray, found: np.ndarray) -> Fit | None:
    """One point earlier or later along one or several spatial axes, whatever stands at the ends."""
    spatial = range(1, baseline.ndim - 1)
    margins = [min(_MARGIN, (baseline.shape[axis] - 1) // 2) for axis in spatial]
    insides = [np.arange(margin, baseline.shape[axis] - margin) for axis, margin in zip(spatial, margins, strict=True)]
    if not all(margins) or not np.prod([len(inside) for inside in insides]) * baseline.shape[-1] > 0:
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
            return Fit("offset by one point", detail, "pad and crop as the reference does, at the same end", left)
    return None


def _taken(array: np.ndarray, indices: list[np.ndarray]) -> np.ndarray:
    """The points at `indices` of each spatial axis."""
    for axis, at in enumerate(indices, start=1):
        array = np.take(array, at, axis)
    return array


FITS: tuple[Callable[[np.ndarray, np.ndarray], Fit | None], ...] = (dropout, shifted_interior, scaled)
"""In the order in which they are tried; the first that explains is the cause."""
