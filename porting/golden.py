"""Golden files: a reference's recorded run, so that a port is verified again where PyTorch is not installed.

HDF5; the arrays keep the reference's axis order, as in its trace::

    /                          attributes: pair, checkpoint (SHA-256), sizes, shapes, versions, weights, source
    /probe/0                   the inputs, one data set each, in the port's axis order
    /calls/0                   attributes: name, kind, weights, settings, float32_rmse; data sets: input, output
    /outputs/0                 attribute: float32_rmse
"""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from porting.errors import PortFileError, first_line
from porting.placement import library_writes
from porting.probes import Probe
from porting.traces import LayerCall, Trace
from porting.verdict import ReferenceRun

VERSION = 1
BYTES_OF_ACTIVATIONS = 6_000_000
"""The probe is cut to as many samples as fit, at least one; compressed, FINTA's then take 4 MB."""

_COMPRESSED = {"compression": "gzip", "compression_opts": 4, "shuffle": True}


def golden_count(run: ReferenceRun) -> int:
    """How many of a run's samples a golden file can hold."""
    activations = sum(call.input.nbytes + call.output.nbytes for call in run.trace.calls)
    return max(1, BYTES_OF_ACTIVATIONS * len(run.probe) // max(activations, 1))


def write_golden(path: Path, run: ReferenceRun, about: Mapping[str, Any]) -> None:
    """Record a reference's run; `about` says which pair, sizes and checkpoint it is of."""
    import h5py

    with library_writes(), h5py.File(path, "w") as file:
        file.attrs["version"] = VERSION
        _write_words(file, about)
        _write_words(file, {"shapes": run.trace.shapes, "versions": run.versions, "weights": run.weights_sha256})
        file.attrs["source"] = run.probe.source
        for number, array in enumerate(run.probe.arrays):
            file.create_dataset(f"probe/{number}", data=array, **_COMPRESSED)
        for number, call in enumerate(run.trace.calls):
            group = file.create_group(f"calls/{number}")
            _write_words(group, {"weights": call.weights, "settings": call.settings})
            group.attrs.update({"name": call.name, "kind": call.kind, "float32_rmse": run.call_rmse[number]})
            group.create_dataset("input", data=call.input, **_COMPRESSED)
            group.create_dataset("output", data=call.output, **_COMPRESSED)
        for number, array in enumerate(run.trace.outputs):
            stored = file.create_dataset(f"outputs/{number}", data=array, **_COMPRESSED)
            stored.attrs["float32_rmse"] = run.output_rmse[number]


def _write_words(group: Any, words: Mapping[str, Any]) -> None:
    for name, value in words.items():
        group.attrs[name] = json.dumps(value, default=str)


def _words(group: Any, name: str) -> Any:
    return json.loads(group.attrs[name])


def read_golden(path: Path) -> tuple[ReferenceRun, dict[str, Any]]:
    """Read a golden file: the reference's run, and which pair, sizes and checkpoint it is of.

    Raises
    ------
    PortFileError
        If there is none, or it is not a golden file of this version.
    """
    import h5py

    if not path.is_file():
        raise PortFileError(f"No golden file at {path}. Give the PyTorch checkpoint.")
    try:
        with h5py.File(path) as file:
            if file.attrs.get("version") != VERSION:
                raise PortFileError(f"{path} is no golden file of version {VERSION}. Convert the checkpoint again.")
            about = {name: _words(file, name) for name in ("pair", "sizes", "checkpoint")}
            return _read_run(file), about
    except (OSError, KeyError, ValueError) as error:
        raise PortFileError(f"{path} is no readable golden file: {first_line(error)}.") from error


def _read_run(file: Any) -> ReferenceRun:
    groups, outputs = (
        [file[place][str(number)] for number in range(len(file[place]))] for place in ("calls", "outputs")
    )
    shapes = {name: tuple(shape) for name, shape in _words(file, "shapes").items()}
    trace = Trace(tuple(map(_read_call, groups)), tuple(map(np.asarray, outputs)), shapes)
    probe = tuple(np.asarray(file[f"probe/{number}"]) for number in range(len(file["probe"])))
    return ReferenceRun(
        Probe(probe, file.attrs["source"]),
        trace,
        [float(group.attrs["float32_rmse"]) for group in groups],
        [float(stored.attrs["float32_rmse"]) for stored in outputs],
        _words(file, "weights"),
        _words(file, "versions"),
    )


def _read_call(group: Any) -> LayerCall:
    settings = {
        name: tuple(value) if isinstance(value, list) else value for name, value in _words(group, "settings").items()
    }
    return LayerCall(
        group.attrs["name"],
        group.attrs["kind"],
        _words(group, "weights"),
        settings,
        np.asarray(group["input"]),
        np.asarray(group["output"]),
    )
