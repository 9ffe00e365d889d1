"""Golden files: a reference's recorded run, so that a port is verified again where PyTorch is not installed.

HDF5; the arrays keep the reference's axis order, as in its trace::

    /                          attributes: pair, checkpoint (SHA-256), sizes, shapes, aliases, sources, versions,
                               weights, source, labels, blind_spots, why_no_unseen, and from 0.2 on
                               random_calls, follows_batch, explained, why_not_explained
    /probe/0                   the inputs, one data set each, in the port's axis order
    /calls/0                   attributes: name, kind, weights, settings; data sets: input, output, and the mean square
                               error of the reference's own float32 in each sample: rounding, own_rounding
    /outputs/0, /outputs_rounding/0
    /synthetic/calls/0         data sets: feed and give, what the layer was taught; input, output, what came of it
    /synthetic/outputs/0, /synthetic/probe/0
    /gradient_probe/0          the inputs that gradients are taken on
    /gradients/inputs/0        every n-th value; attributes: step, scale
    /gradients/weights/NAME    the same
    /gradients/statistics/NAME
                               in NAME ``%``, ``/`` and NUL are ``%25``, ``%2F`` and ``%00`` where ``gradients`` has
                               the attribute escaped, which it has not in files of 0.1.0
"""

from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np

from porting.errors import PortFileError, first_line
from porting.evidence.golden_runs import LARGEST_BATCH, read_run
from porting.evidence.golden_words import escaped, read_words, write_words
from porting.files import hdf5
from porting.files.bounds import LARGEST_RATIO
from porting.files.placement import library_writes
from porting.files.schemas import ANYTHING, TEXT, Each
from porting.records.gradients import Gradients, thin
from porting.records.runs import ReferenceRun

VERSION = 2
BYTES_OF_ACTIVATIONS = 4_000_000
"""The probe is cut to as many samples as fit, at least one."""

GRADIENT_VALUES = 512
"""Values of each tensor's gradient that are kept."""

_ABOUT = {"pair": TEXT, "sizes": Each(ANYTHING), "checkpoint": TEXT}

_COMPRESSED = {"compression": "gzip", "compression_opts": 4, "shuffle": True}


def golden_count(run: ReferenceRun) -> int:
    """How many of a run's samples a golden file can hold."""
    activations = sum(call.input.nbytes + call.output.nbytes for call in run.trace.calls)
    return max(1, BYTES_OF_ACTIVATIONS * len(run.probe) // max(activations, 1))


def write_golden(path: Path, run: ReferenceRun, about: Mapping[str, Any], batch: int = 0) -> None:
    """Record a reference's run; `about` says which pair, sizes and checkpoint it is of.

    `batch` is the number of samples on which the reference's own rounding was measured: a replay runs on as many.
    """
    import h5py

    with library_writes(), h5py.File(path, "w") as file:
        file.attrs["version"] = VERSION
        write_words(file, about)
        write_words(file, {"shapes": run.trace.shapes, "aliases": run.trace.aliases, "sources": run.trace.sources})
        write_words(file, {"versions": run.versions, "weights": run.weights_sha256, "labels": run.probe.labels})
        spots = [asdict(spot) for spot in run.blind_spots]
        write_words(file, {"blind_spots": spots, "why_no_unseen": run.why_no_unseen})
        drawn = None if run.random_calls is None else [asdict(call) for call in run.random_calls]
        write_words(file, {"random_calls": drawn, "follows_batch": run.follows_batch})
        explained = [[held.alone, held.inherited] for held in run.explained]
        write_words(file, {"explained": explained, "why_not_explained": run.why_not_explained})
        file.attrs.update({"source": run.probe.source, "batch": batch or len(run.probe)})
        _write_arrays(file, "probe", run.probe.arrays)
        for number, call in enumerate(run.trace.calls):
            group = file.create_group(f"calls/{number}")
            write_words(group, {"weights": call.weights, "settings": call.settings})
            group.attrs.update({"name": call.name, "kind": call.kind})
            rounding = {"rounding": run.calls_rounding[number], "own_rounding": run.own_rounding[number]}
            _write_arrays(group, "", {"input": call.input, "output": call.output, **rounding})
        _write_arrays(file, "outputs", run.trace.outputs)
        _write_arrays(file, "outputs_rounding", run.outputs_rounding)
        _write_arrays(file, "synthetic/probe", run.synthetic_probe.arrays)
        _write_arrays(file, "gradient_probe", run.gradient_probe.arrays)
        if run.far:
            _write_arrays(file, "far/probe", run.far.arrays)
            _write_arrays(file, "far/outputs", run.far_outputs)
        _write_synthetic(file, run)
        if run.gradients:
            _write_gradients(file, run.gradients)


def _write_arrays(group: Any, place: str, arrays: Any) -> None:
    named = arrays.items() if isinstance(arrays, Mapping) else enumerate(arrays)
    for name, array in named:
        group.create_dataset(f"{place}/{name}".lstrip("/"), data=array, **_COMPRESSED)


def _write_synthetic(file: Any, run: ReferenceRun) -> None:
    """What was drawn fits in float32; what came of it needs float64."""
    for number, (taught, call) in enumerate(zip(run.synthetic, run.synthetic_trace.calls, strict=True)):
        drawn = {
            name: array.astype(np.float32) if array.dtype.kind == "f" else array
            for name, array in (("feed", taught.feed), ("give", taught.give))
        }
        _write_arrays(file, f"synthetic/calls/{number}", {**drawn, "input": call.input, "output": call.output})
    _write_arrays(file, "synthetic/outputs", run.synthetic_trace.outputs)


def _write_gradients(file: Any, gradients: Gradients) -> None:
    thinned = {f"weights/{escaped(name)}": thin(array, GRADIENT_VALUES) for name, array in gradients.weights.items()}
    thinned |= {
        f"inputs/{number}": thin(array, GRADIENT_VALUES)
        for number, array in enumerate(gradients.inputs)
        if array is not None
    }
    for place, kept in thinned.items():
        stored = file.create_dataset(f"gradients/{place}", data=kept.values, **_COMPRESSED)
        stored.attrs.update({"step": kept.step, "scale": kept.scale})
    group = file.require_group("gradients")
    group.attrs.update({"inputs": len(gradients.inputs), "escaped": True})
    write_words(group, {"moves": gradients.moves})
    for name, array in gradients.statistics.items():
        file.create_dataset(f"gradients/statistics/{escaped(name)}", data=array)


def read_golden(path: Path) -> tuple[ReferenceRun, dict[str, Any]]:
    """Read a golden file: the reference's run, and which pair, sizes and checkpoint it is of.

    The samples stand as often as it takes to fill the batch on which the reference's own rounding was measured.

    Raises
    ------
    PortFileError
        If there is none, or it is not a golden file of this version.
    """
    check_golden_file(path)
    try:
        with hdf5.opened(path) as file:
            if (version := hdf5.attribute_of(file, "version", int)) != VERSION:
                raise PortFileError(
                    f"{path} is a golden file of version {version}, this is Porting's version {VERSION}. "
                    "Convert the checkpoint again."
                )
            about = {name: read_words(file, name, schema) for name, schema in _ABOUT.items()}
            run = read_run(file)
            return _filled(run, hdf5.attribute_of(file, "batch", int)), about
    except ValueError as error:
        raise PortFileError(f"{path} is no readable golden file: {first_line(error)}.") from error


def check_golden_file(path: Path) -> None:
    """Find out whether a golden file is there.

    Raises
    ------
    PortFileError
        If there is none.
    """
    if not path.is_file():
        raise PortFileError(f"No golden file at {path}. Give the PyTorch checkpoint: CHECKPOINT PORT.")


def _filled(run: ReferenceRun, batch: int) -> ReferenceRun:
    """Repeat a run's samples until they fill a batch."""
    times = -(-batch // len(run.probe))
    held = sum(array.nbytes for call in run.trace.calls for array in (call.input, call.output))
    if not 0 < batch <= LARGEST_BATCH or times * held > LARGEST_RATIO * BYTES_OF_ACTIVATIONS + held:
        raise ValueError(f"it repeats its {len(run.probe)} samples to {batch:,}")
    return run.repeated(times)
