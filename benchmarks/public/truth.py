"""What two models truly compute: their outputs in float64, without anything of the verdict."""

from pathlib import Path

import numpy as np
import torch

from benchmarks.public.description import PublicPair
from porting.pairs.finding import draw_probe
from porting.pairs.pair import ModelPair
from porting.port import side as keras_side
from porting.probes import Probe
from porting.proof.runs import reference_inputs
from porting.writing.trained import randomise, settle


def as_trained(pair: ModelPair, probe: Probe) -> torch.nn.Module:
    """The reference with weights and statistics as if trained."""
    torch.manual_seed(0)
    model = randomise(pair.reference().eval())
    return settle(model, _tensors(pair, probe, "float32"), pair.reference_signature().inputs)


def _tensors(pair: ModelPair, probe: Probe, precision: str) -> list[torch.Tensor]:
    arrays = [np.array(array) for array in reference_inputs(pair, probe)]
    tensors = map(torch.from_numpy, arrays)
    return [tensor.to(getattr(torch, precision)) if tensor.is_floating_point() else tensor for tensor in tensors]


def reference_outputs(pair: ModelPair, model: torch.nn.Module, probe: Probe, precision: str) -> list[np.ndarray]:
    """What the reference computes, in the port's axis order."""
    inputs, names = _tensors(pair, probe, precision), pair.reference_signature().inputs
    with torch.no_grad():
        found = model(**dict(zip(names, inputs, strict=True))) if names else model(*inputs)
    found = [found] if torch.is_tensor(found) else found.values() if hasattr(found, "values") else found
    arrays = [tensor.numpy() for tensor in found]
    patterns = pair.outputs.values()
    return [
        np.moveaxis(array, 1, -1) if "channel" in said else array for said, array in zip(patterns, arrays, strict=True)
    ]


def port_outputs(pair: ModelPair, weights: Path, probe: Probe, precision: str) -> list[np.ndarray]:
    """What the port computes with the weights of a file, built anew in a precision."""
    narrow = pair.port()
    _run(pair, narrow, probe.rows(2), "float32")
    narrow.load_weights(weights)
    with keras_side.precision(precision):
        model = pair.port()
        _run(pair, model, probe.rows(2), precision)
        model.set_weights(narrow.get_weights())
        return _run(pair, model, probe, precision)


def _run(pair: ModelPair, model, probe: Probe, precision: str) -> list[np.ndarray]:
    arrays = [array.astype(precision) if array.dtype.kind == "f" else array for array in probe.arrays]
    names = pair.port_signature().inputs
    found = model(dict(zip(names, arrays, strict=True)) if names else arrays[0] if len(arrays) == 1 else arrays)
    found = found.values() if isinstance(found, dict) else found if isinstance(found, tuple | list) else [found]
    return [np.asarray(array) for array in found]


def furthest(ours: list[np.ndarray], theirs: list[np.ndarray]) -> float:
    """Largest difference of all outputs, each relative to its reference's largest value."""
    pairs = zip(ours, theirs, strict=True)
    return max(float(np.abs(one.reshape(two.shape) - two).max() / np.abs(two).max()) for one, two in pairs)


def differences(found: PublicPair, model: torch.nn.Module, weights: Path) -> tuple[float, float | None]:
    """How far outputs lie apart in float64, and how far with the reference mended."""
    pair = found.describe()
    probe = draw_probe(pair, {}, None, 8)
    ports, model = port_outputs(pair, weights, probe, "float64"), model.double()
    apart = furthest(ports, reference_outputs(pair, model, probe, "float64"))
    if found.mend is None:
        return apart, None
    found.mend(model)
    return apart, furthest(ports, reference_outputs(pair, model, probe, "float64"))
