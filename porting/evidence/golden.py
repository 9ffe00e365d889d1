"""Golden files: a reference's recorded run, so that a port is verified again where PyTorch is not installed.

HDF5; the arrays keep the reference's axis order, as in its trace::

    /                          attributes: pair, checkpoint (SHA-256), sizes, shapes, aliases, sources, versions,
                               weights, source, labels, blind_spots, why_no_unseen, and from 0.2 on
                               random_calls, scaled_arrivals, follows_batch, explained, why_not_explained, holds,
                               synthetic, lesson, shared, constants
    /probe/0                   the inputs, one data set each, in the port's axis order
    /calls/0                   attributes: name, kind, weights, settings; data sets: input, output, and the mean square
                               error of the reference's own float32 in each sample: rounding, own_rounding
                               where the file would be larger than the port, and than 5 MB, its attribute holds says
                               that activations are no data sets but groups: values, drawn from the flat array, with
                               attributes shape, places (SHA-256), number, most, greatest, root_mean_square, mean
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
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

from porting.errors import PortFileError, first_line
from porting.evidence.activations import COMPRESSED, write_activations, write_arrays
from porting.evidence.golden_runs import LARGEST_BATCH, read_run
from porting.evidence.golden_words import escaped, read_words, write_words
from porting.files import hdf5
from porting.files.bounds import LARGEST_RATIO
from porting.files.placement import library_writes
from porting.files.schemas import ANYTHING, TEXT, Each
from porting.records.gradients import Gradients, thin
from porting.records.kept import SEED
from porting.records.runs import ReferenceRun
from porting.traces import LayerCall

VERSION = 2
VERSION_IN_PART = 3
"""Of files that hold activations in part, which no version before 0.2 reads."""

SMALLEST_LIMIT = 5_000_000
"""Bytes that a golden file may always have; where the port is larger, it may have as many as that."""

BYTES_OF_ACTIVATIONS = 4_000_000
"""The probe is cut to as many samples as fit, at least one."""

GRADIENT_VALUES = 512
"""Values of each tensor's gradient that are kept."""

_ABOUT = {"pair": TEXT, "sizes": Each(ANYTHING), "checkpoint": TEXT}

_PACKED = 3
"""How many times as large as its file activations may be for it to be tried whole."""

_FEWEST_VALUES = 64
_BYTES_A_VALUE = 8
_BYTES_OF_WORDS = 6_000
"""Of a layer call's settings, and of the file's own about its four groups, generously."""


def golden_count(run: ReferenceRun) -> int:
    """How many of a run's samples a golden file can hold."""
    activations = sum(call.input.nbytes + call.output.nbytes for call in run.trace.calls)
    return max(1, BYTES_OF_ACTIVATIONS * len(run.probe) // max(activations, 1))


def write_golden(path: Path, run: ReferenceRun, about: Mapping[str, Any], batch: int = 0, largest: int = 0) -> None:
    """Record a reference's run; `about` says which pair, sizes and checkpoint it is of.

    Parameters
    ----------
    path : Path
    run : ReferenceRun
    about : Mapping
    batch : int
        The number of samples on which the reference's own rounding was measured: a replay runs on as many.
    largest : int
        Bytes of the port: the file is as large at most, or 5 MB, whichever is more. Activations that do not fit are
        kept in part, as many values of each as do.
    """
    room = max(largest, SMALLEST_LIMIT)
    if _bytes_of_activations(run) <= _PACKED * room:
        _write(path, run, about, batch, None)
        if path.stat().st_size <= room:
            return
    run = _within(run, room // 2)
    count = 2 * len(run.trace.calls) + len(run.trace.outputs)
    most = max(_FEWEST_VALUES, (room - _bytes_besides(run)) // (_BYTES_A_VALUE * 2 * count))
    while True:
        holds = f"{most:,} values of each activation at most, drawn by the seed {SEED}, and the norms of all"
        _write(path, replace(run, holds=holds), about, 0, most)
        if path.stat().st_size <= room or most == _FEWEST_VALUES:
            return
        most = max(_FEWEST_VALUES, most // 2)


def _within(run: ReferenceRun, room: int) -> ReferenceRun:
    """A run without what its inputs leave no room for: first what is far outside the probe, then gradients."""
    if _bytes_besides(run) > room:
        run = replace(run, far=None, far_outputs=())
    if _bytes_besides(run) > room:
        run = replace(run, gradients=None, gradient_probe=run.gradient_probe.rows(1))
    return run


def _bytes_of_activations(run: ReferenceRun) -> int:
    traces = (run.trace, run.synthetic_trace)
    calls = [call for trace in traces for call in trace.calls]
    return sum(call.input.nbytes + call.output.nbytes for call in calls)


def _bytes_besides(run: ReferenceRun) -> int:
    """What is written whole, before it is packed: inputs, gradients, words."""
    probes = (run.probe, run.synthetic_probe, run.gradient_probe, *([run.far] if run.far else []))
    inputs = sum(array.nbytes for probe in probes for array in probe.arrays)
    inputs += sum(array.nbytes for array in run.far_outputs)
    gradients = 8 * GRADIENT_VALUES * len(run.gradients.weights) if run.gradients else 0
    return inputs + gradients + _BYTES_OF_WORDS * len(run.trace.calls)


def _write(path: Path, run: ReferenceRun, about: Mapping[str, Any], batch: int, most: int | None) -> None:
    import h5py

    with library_writes(), h5py.File(path, "w") as file:
        file.attrs["version"] = VERSION if most is None else VERSION_IN_PART
        write_words(file, about)
        write_words(file, {"shapes": run.trace.shapes, "aliases": run.trace.aliases, "sources": run.trace.sources})
        write_words(file, {"inputs_reaching": run.trace.inputs_reaching})
        write_words(file, {"versions": run.versions, "weights": run.weights_sha256, "labels": run.probe.labels})
        spots = [asdict(spot) for spot in run.blind_spots]
        write_words(file, {"blind_spots": spots, "why_no_unseen": run.why_no_unseen})
        drawn = None if run.random_calls is None else [asdict(call) for call in run.random_calls]
        write_words(file, {"random_calls": drawn, "follows_batch": run.follows_batch})
        write_words(file, {"shared": list(map(_words_of, run.trace.shared)), "constants": asdict(run.constants)})
        scaled = {name: asdict(arriving) for name, arriving in run.scaled_arrivals.items()}
        write_words(file, {"why_no_random_calls": run.why_no_random_calls, "scaled_arrivals": scaled})
        explained = [[held.alone, held.inherited] for held in run.explained]
        write_words(file, {"explained": explained, "why_not_explained": run.why_not_explained})
        file.attrs.update({"source": run.probe.source, "batch": batch or len(run.probe)})
        write_arrays(file, "probe", run.probe.arrays)
        write_arrays(file, "synthetic/probe", run.synthetic_probe.arrays)
        write_arrays(file, "gradient_probe", run.gradient_probe.arrays)
        write_arrays(file, "outputs_rounding", run.outputs_rounding)
        if run.far:
            write_arrays(file, "far/probe", run.far.arrays)
            write_arrays(file, "far/outputs", run.far_outputs)
        write_activations(file, run, most)
        if run.gradients:
            _write_gradients(file, run.gradients)


def _words_of(call: LayerCall) -> dict[str, Any]:
    """A use of tensors without its arrays, which it has none of."""
    return {"name": call.name, "kind": call.kind, "weights": call.weights, "settings": call.settings}


def _write_gradients(file: Any, gradients: Gradients) -> None:
    thinned = {f"weights/{escaped(name)}": thin(array, GRADIENT_VALUES) for name, array in gradients.weights.items()}
    thinned |= {
        f"inputs/{number}": thin(array, GRADIENT_VALUES)
        for number, array in enumerate(gradients.inputs)
        if array is not None
    }
    for place, kept in thinned.items():
        stored = file.create_dataset(f"gradients/{place}", data=kept.values, **COMPRESSED)
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
            if (version := hdf5.attribute_of(file, "version", int)) not in (VERSION, VERSION_IN_PART):
                raise PortFileError(
                    f"{path} is a golden file of version {version}, this is Porting's version {VERSION_IN_PART}. "
                    "Convert the checkpoint again."
                )
            about = {name: read_words(file, name, schema) for name, schema in _ABOUT.items()}
            run = read_run(file, path.stat().st_size)
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
