"""Golden files: a reference's recorded run, so that a port is verified again where PyTorch is not installed.

HDF5; the arrays keep the reference's axis order, as in its trace::

    /                          attributes: pair, checkpoint (SHA-256), sizes, shapes, aliases, sources, versions,
                               weights, source, labels, blind_spots, why_no_unseen
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
"""

import json
from collections.abc import Mapping
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import numpy as np

from porting.errors import PortFileError, first_line
from porting.files.placement import library_writes
from porting.probes import Probe
from porting.records.gradients import Gradients, Thinned, thin
from porting.records.randomness import Fingerprint, RandomCall
from porting.records.runs import BlindSpot, ReferenceRun
from porting.traces import LayerCall, Lesson, Teaching, Trace

VERSION = 2
BYTES_OF_ACTIVATIONS = 4_000_000
"""The probe is cut to as many samples as fit, at least one."""

GRADIENT_VALUES = 512
"""Values of each tensor's gradient that are kept."""

_ATTRIBUTE_BYTES = 32_000
"""Longest text that is an attribute (HDF5 has 64 kB); a longer one is a data set called `_LONG` and its name."""

_LONG = "words of "

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
        _write_words(file, about)
        _write_words(file, {"shapes": run.trace.shapes, "aliases": run.trace.aliases, "sources": run.trace.sources})
        _write_words(file, {"versions": run.versions, "weights": run.weights_sha256, "labels": run.probe.labels})
        spots = [asdict(spot) for spot in run.blind_spots]
        _write_words(file, {"blind_spots": spots, "why_no_unseen": run.why_no_unseen})
        drawn = None if run.random_calls is None else [asdict(call) for call in run.random_calls]
        _write_words(file, {"random_calls": drawn, "follows_batch": run.follows_batch})
        file.attrs.update({"source": run.probe.source, "batch": batch or len(run.probe)})
        _write_arrays(file, "probe", run.probe.arrays)
        for number, call in enumerate(run.trace.calls):
            group = file.create_group(f"calls/{number}")
            _write_words(group, {"weights": call.weights, "settings": call.settings})
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
    thinned = {f"weights/{name}": thin(array, GRADIENT_VALUES) for name, array in gradients.weights.items()}
    thinned |= {
        f"inputs/{number}": thin(array, GRADIENT_VALUES)
        for number, array in enumerate(gradients.inputs)
        if array is not None
    }
    for place, kept in thinned.items():
        stored = file.create_dataset(f"gradients/{place}", data=kept.values, **_COMPRESSED)
        stored.attrs.update({"step": kept.step, "scale": kept.scale})
    group = file.require_group("gradients")
    group.attrs["inputs"] = len(gradients.inputs)
    _write_words(group, {"moves": gradients.moves})
    for name, array in gradients.statistics.items():
        file.create_dataset(f"gradients/statistics/{name}", data=array)


def _write_words(group: Any, words: Mapping[str, Any]) -> None:
    for name, value in words.items():
        text = json.dumps(value, default=str)
        if len(text) < _ATTRIBUTE_BYTES:
            group.attrs[name] = text
        else:
            group.create_dataset(f"{_LONG}{name}", data=text)


def _has_words(group: Any, name: str) -> bool:
    return name in group.attrs or f"{_LONG}{name}" in group


def _words(group: Any, name: str) -> Any:
    return json.loads(group.attrs[name] if name in group.attrs else group[f"{_LONG}{name}"].asstr()[()])


def read_golden(path: Path) -> tuple[ReferenceRun, dict[str, Any]]:
    """Read a golden file: the reference's run, and which pair, sizes and checkpoint it is of.

    The samples stand as often as it takes to fill the batch on which the reference's own rounding was measured.

    Raises
    ------
    PortFileError
        If there is none, or it is not a golden file of this version.
    """
    import h5py

    check_golden_file(path)
    try:
        with h5py.File(path) as file:
            if (version := file.attrs.get("version")) != VERSION:
                raise PortFileError(
                    f"{path} is a golden file of version {version}, this is Porting's version {VERSION}. "
                    "Convert the checkpoint again."
                )
            about = {name: _words(file, name) for name in ("pair", "sizes", "checkpoint")}
            run = _read_run(file)
            batch: Any = file.attrs["batch"]
            return run.repeated(-(-int(batch) // len(run.probe))), about
    except (OSError, KeyError, ValueError) as error:
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


def _read_run(file: Any) -> ReferenceRun:
    groups, outputs = _numbered(file["calls"]), _numbered(file["outputs"])
    shapes = {name: tuple(shape) for name, shape in _words(file, "shapes").items()}
    sources = tuple(map(tuple, _words(file, "sources")))
    trace = Trace(
        tuple(map(_read_call, groups)), tuple(map(np.asarray, outputs)), shapes, _words(file, "aliases"), sources
    )
    synthetic, synthetic_trace = _read_synthetic(file["synthetic"], trace)
    return ReferenceRun(
        probe=_read_probe(file["probe"], file.attrs["source"], tuple(_words(file, "labels"))),
        trace=trace,
        synthetic=synthetic,
        synthetic_trace=synthetic_trace,
        synthetic_probe=_read_probe(file["synthetic/probe"], file.attrs["source"]),
        calls_rounding=[np.asarray(group["rounding"]) for group in groups],
        outputs_rounding=[np.asarray(stored) for stored in _numbered(file["outputs_rounding"])],
        own_rounding=[np.asarray(group["own_rounding"]) for group in groups],
        gradient_probe=_read_probe(file["gradient_probe"], file.attrs["source"]),
        gradients=_read_gradients(file["gradients"]) if "gradients" in file else None,
        why_no_gradients="the golden file holds no gradients",
        blind_spots=tuple(BlindSpot(**spot) for spot in _words(file, "blind_spots")),
        weights_sha256=_words(file, "weights"),
        versions=_words(file, "versions"),
        why_no_unseen=_words(file, "why_no_unseen") if _has_words(file, "why_no_unseen") else "",
        random_calls=_read_random_calls(file),
        far=_read_probe(file["far/probe"], file.attrs["source"]) if "far" in file else None,
        far_outputs=tuple(map(np.asarray, _numbered(file["far/outputs"]))) if "far" in file else (),
        follows_batch=tuple(_words(file, "follows_batch")) if _has_words(file, "follows_batch") else (),
    )


def _read_random_calls(file: Any) -> tuple[RandomCall, ...] | None:
    found = _words(file, "random_calls") if _has_words(file, "random_calls") else None
    if found is None:
        return None
    return tuple(RandomCall(**{**call, "acts_on": Fingerprint(**call["acts_on"])}) for call in found)


def _read_probe(group: Any, source: str, labels: tuple[str, ...] = ()) -> Probe:
    return Probe(tuple(np.asarray(stored) for stored in _numbered(group)), source, labels)


def _numbered(group: Any) -> list[Any]:
    return [group[str(number)] for number in range(len(group))]


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


def _read_synthetic(group: Any, trace: Trace) -> tuple[Lesson, Trace]:
    lesson, calls = [], []
    for call, stored in zip(trace.calls, _numbered(group["calls"]), strict=True):
        feed, give = (_widened(np.asarray(stored[name])) for name in ("feed", "give"))
        lesson.append(Teaching(call.name, call.kind, feed, give))
        calls.append(replace(call, input=np.asarray(stored["input"]), output=np.asarray(stored["output"])))
    return tuple(lesson), replace(
        trace, calls=tuple(calls), outputs=tuple(map(np.asarray, _numbered(group["outputs"])))
    )


def _widened(array: np.ndarray) -> np.ndarray:
    return array.astype(np.float64) if array.dtype.kind == "f" else array


def _read_gradients(group: Any) -> Gradients:
    def read(stored: Any) -> Thinned:
        return Thinned(np.asarray(stored), int(stored.attrs["step"]), float(stored.attrs["scale"]))

    inputs = group.get("inputs", {})
    return Gradients(
        tuple(read(inputs[str(at)]) if str(at) in inputs else None for at in range(group.attrs["inputs"])),
        {name: read(stored) for name, stored in group["weights"].items()},
        {name: np.asarray(stored) for name, stored in group.get("statistics", {}).items()},
        _words(group, "moves") if _has_words(group, "moves") else {},
    )
