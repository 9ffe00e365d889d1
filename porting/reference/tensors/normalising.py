"""What rounding does to a layer that normalises what it is given, where that is scaled before it is centred.

``x s + (b - m s)`` is ``(x - m) s + b`` of the same values, and rounds ``x s`` and ``m s``, which may be far larger
than what is left of them: of a single value nothing is. Either is how a framework may compute it.
"""

from collections.abc import Mapping

import numpy as np

from porting.traces import LayerCall


def rounded_before_centred(
    call: LayerCall, tensors: Mapping[str, np.ndarray], generator: np.random.Generator, rounding: float
) -> np.ndarray:
    """What is added to a layer's output by rounding its scaled input and mean; 0 where it does not normalise so."""
    found = _grouped(call)
    if found is None or call.input.dtype.kind != "f":
        return np.zeros(())
    grouped, epsilon = found
    last = tuple(range(2, grouped.ndim))
    mean, variance = (measure(grouped, axis=last, keepdims=True) for measure in (np.mean, np.var))
    sizes = (np.abs(grouped) + np.abs(mean)) / np.sqrt(variance + epsilon)
    scale = np.abs(_scale(call, tensors))
    return generator.choice((-rounding, rounding), call.input.shape) * sizes.reshape(call.input.shape) * scale


def _grouped(call: LayerCall) -> tuple[np.ndarray, float] | None:
    """The input as (sample, group, value) of what has one mean, and the epsilon; None of another kind of layer."""
    settings, given = call.settings, call.input
    if call.kind == "LayerNorm" and "normalized_shape" in settings:
        count = int(np.prod(settings["normalized_shape"]))
        return given.reshape(len(given), -1, count), float(settings["eps"])
    if call.kind == "GroupNorm" and "num_groups" in settings:
        return given.reshape(len(given), settings["num_groups"], -1), float(settings["eps"])
    if call.kind.startswith("InstanceNorm") and not settings.get("track_running_stats") and given.ndim > 2:
        return given.reshape(len(given), given.shape[1], -1), float(settings["eps"])
    return None


def _scale(call: LayerCall, tensors: Mapping[str, np.ndarray]) -> np.ndarray:
    """The layer's own factors, as they are multiplied with its output."""
    weight = tensors.get(call.weights.get("weight", ""))
    if weight is None:
        return np.ones(())
    return weight if call.kind == "LayerNorm" else weight.reshape(-1, *(1,) * (call.input.ndim - 2))
