"""Run either model on the probe, so that the verdict has something to compare."""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import numpy as np

from porting import keras_side, parity, patterns, torch_side
from porting.errors import CheckpointError, ProbeError
from porting.keras_files import in_precision, read_port
from porting.pairs import ModelPair, Sizes, build_reference, read_reference_sizes
from porting.probes import Probe
from porting.torch_files import Checkpoint
from porting.verdict import PortRun, ReferenceRun

OnStep = Callable[[str], None]


def silent(step: str) -> None:
    """Report no progress."""


def load_reference(pair: ModelPair, checkpoint: Checkpoint):
    """Build the reference with the checkpoint's sizes and weights.

    Returns
    -------
    model : torch.nn.Module
    sizes : Mapping
    checkpoint : Checkpoint
        The one given; with the prefix on its names where it is not a wrapper's but the model's own.

    Raises
    ------
    CheckpointError
        If the checkpoint's tensors do not fit.
    """
    shapes = {name: array.shape for name, array in checkpoint.state_dict.items()}
    try:
        sizes = read_reference_sizes(pair, shapes)
    except ValueError as error:
        raise CheckpointError(f"{checkpoint.path}: {error}.") from error
    with torch_side.uninitialised():
        model = build_reference(pair, sizes)
    if torch_side.shapes(model).keys() == checkpoint.with_prefix().state_dict.keys():
        checkpoint = checkpoint.with_prefix()
    try:
        torch_side.load_weights(model, checkpoint.state_dict)
    except CheckpointError as error:
        built = f" (built with {_sizes_text(sizes)}, as the checkpoint has them)" if sizes else ""
        raise CheckpointError(f"{checkpoint.path}{built}:\n{error}") from error
    return model, sizes, checkpoint


def _sizes_text(sizes: Sizes) -> str:
    return ", ".join(f"{name}={value}" for name, value in sizes.items())


def run_reference(pair: ModelPair, model, probe: Probe, weights_sha256: Mapping[str, str]) -> ReferenceRun:
    """Run the reference in float32, then in float64; its weights are left in float64.

    `weights_sha256` is to be taken before the first run: a model could change its weights as it runs.

    Raises
    ------
    ProbeError
        If the probe has another number of inputs than the pair.
    """
    inputs = reference_inputs(pair, probe)
    narrow = torch_side.trace(torch_side.in_precision(model, "float32"), inputs)
    wide = torch_side.trace(torch_side.in_precision(model, "float64"), inputs)
    return ReferenceRun(
        probe,
        wide,
        _rounding([call.output for call in narrow.calls], [call.output for call in wide.calls]),
        _rounding(narrow.outputs, wide.outputs),
        weights_sha256,
        torch_side.versions(),
    )


def reference_inputs(pair: ModelPair, probe: Probe) -> list[np.ndarray]:
    """The probe in the reference's axis order.

    Raises
    ------
    ProbeError
        If the probe has another number of inputs, or of axes, than the pair.
    """
    if len(probe.arrays) != len(pair.inputs):
        raise ProbeError(f"{probe.source} holds {len(probe.arrays)} inputs; pair {pair.name} takes {len(pair.inputs)}.")
    for array, pattern in zip(probe.arrays, pair.inputs, strict=True):
        if "..." not in pattern and array.ndim != patterns.ranks(pattern)[1]:
            raise ProbeError(
                f"{probe.source}: shape {array.shape} has not the axes {pattern.partition('->')[2].strip()}."
            )
    return [patterns.to_reference(array, pattern) for array, pattern in zip(probe.arrays, pair.inputs, strict=True)]


def _rounding(narrow: Sequence[np.ndarray], wide: Sequence[np.ndarray]) -> list[float]:
    """Root mean square error of each float32 activation against its float64 twin."""
    return [parity.root_mean_square(small - large) for small, large in zip(narrow, wide, strict=True)]


def run_port(pair: ModelPair, path: Path, sizes: Sizes, probe: Probe) -> PortRun:
    """Load a converted checkpoint from disk and run it in float32 and, where the backend can, in float64.

    Raises
    ------
    PortFileError
        If the file cannot be loaded.
    """
    with keras_side.precision("float32"):
        model = read_port(path, pair, sizes, probe)
        narrow = keras_side.trace(model, probe.arrays)
    reason = keras_side.why_no_float64()
    wide = None
    if not reason:
        with keras_side.precision("float64"):
            wide = keras_side.trace(in_precision(model, "float64", path, pair, sizes, probe), probe.arrays)
    return PortRun(keras_side.weight_getter(model), narrow, wide, reason, keras_side.versions())
