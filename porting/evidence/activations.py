"""Activations in a golden file, whole or in part; what layers were taught is drawn again where they are in part."""

import hashlib
import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, replace
from typing import Any

import numpy as np

from porting.evidence.golden_words import has_words, read_words, write_words
from porting.files import hdf5
from porting.files.bounds import check_declared
from porting.files.schemas import COUNT, NUMBER, TEXT
from porting.records.kept import Kept, Norms, keep, kept_places
from porting.records.runs import ReferenceRun
from porting.records.synthetic import Drawn, DrawnCall, draw, hash_lesson
from porting.traces import LayerCall, Lesson, Teaching, Trace

COMPRESSED = {"compression": "gzip", "compression_opts": 4, "shuffle": True}

_LARGEST_LESSON = 1 << 33
"""Bytes of all that is drawn again, though no array of it is larger than the file explains."""

_DTYPES = frozenset(np.dtype(f"{kind}{size}").str for kind in "fiu" for size in (2, 4, 8)) | {"|i1", "|u1", "|b1"}
"""Types of numbers that are drawn."""

_DRAWN = {"shape": [COUNT], "dtype": TEXT, "scale": NUMBER, "rows": COUNT, "looked_up": [COUNT], "channels?": COUNT}


def write_arrays(group: Any, place: str, arrays: Any) -> None:
    """Write arrays as data sets, under their names or numbers."""
    named = arrays.items() if isinstance(arrays, Mapping) else enumerate(arrays)
    for name, array in named:
        group.create_dataset(f"{place}/{name}".lstrip("/"), data=array, **COMPRESSED)


def write_activations(file: Any, run: ReferenceRun, most: int | None) -> None:
    """Write the activations of a run, or `most` values of each of floats."""
    put = _Writer(file, most)
    for number, call in enumerate(run.trace.calls):
        group = file.create_group(f"calls/{number}")
        write_words(group, {"weights": call.weights, "settings": call.settings})
        group.attrs.update({"name": call.name, "kind": call.kind})
        rounding = {"rounding": run.calls_rounding[number], "own_rounding": run.own_rounding[number]}
        write_arrays(group, "", rounding)
        put(f"calls/{number}", {"input": call.input, "output": call.output})
    put("outputs", dict(enumerate(run.trace.outputs)))
    for number, call in enumerate(run.synthetic_trace.calls):
        put(f"synthetic/calls/{number}", {"input": call.input, "output": call.output})
    put("synthetic/outputs", dict(enumerate(run.synthetic_trace.outputs)))
    if most is None:
        for number, taught in enumerate(run.synthetic):
            write_arrays(
                file, f"synthetic/calls/{number}", {"feed": _narrow(taught.feed), "give": _narrow(taught.give)}
            )
    else:
        words = {"holds": run.holds, "synthetic": [asdict(call) for call in run.synthetic_drawn]}
        write_words(file, {**words, "lesson": hash_lesson(run.synthetic)})


def _narrow(array: np.ndarray) -> np.ndarray:
    """What was drawn fits in float32; what came of it needs float64."""
    return array.astype(np.float32) if array.dtype.kind == "f" else array


class _Writer:
    """Writes arrays whole, or so many values of each; counts them, as each has places of its own."""

    def __init__(self, file: Any, most: int | None) -> None:
        self._file, self._most, self._number = file, most, 0

    def __call__(self, place: str, arrays: Mapping[Any, np.ndarray]) -> None:
        for name, array in arrays.items():
            self._number += 1
            if self._most is None or array.dtype.kind != "f":
                write_arrays(self._file, place, {name: array})
            else:
                self._write_kept(f"{place}/{name}", keep(array, self._most, self._number))

    def _write_kept(self, place: str, kept: Kept) -> None:
        group = self._file.create_group(place)
        group.create_dataset("values", data=kept.values, **COMPRESSED)
        group.attrs.update({"shape": np.array(kept.shape, np.int64), "number": self._number, "most": self._most})
        group.attrs.update({"places": _hash(kept.places), **asdict(kept.norms)})


def _hash(places: np.ndarray) -> str:
    return hashlib.sha256(places.astype("<i8").tobytes()).hexdigest()


def read_activation(group: Any, name: str, bytes_of_file: int) -> Any:
    """An array of numbers, or what was kept of it.

    Raises
    ------
    ValueError
        If it is neither, is larger than such a file may say, or numpy draws other places by now.
    """
    import h5py

    if not isinstance(group.get(name), h5py.Group):
        return hdf5.array_in(group, name)
    held = hdf5.group_of(group, name)
    shape = _shape_of(held)
    check_declared(8 * math.prod(shape), bytes_of_file)
    number, most = (hdf5.attribute_of(held, word, int) for word in ("number", "most"))
    values = hdf5.array_in(held, "values", [1])
    if number < 0 or not 0 < most <= bytes_of_file:
        raise ValueError(f"{held.name} has places that cannot be drawn")
    places = kept_places(math.prod(shape), most, number)
    if len(values) != len(places) or _hash(places) != hdf5.attribute_of(held, "places", str):
        raise ValueError(f"this version of numpy draws other places for {held.name}; convert again")
    norms = Norms(*(hdf5.attribute_of(held, word, float) for word in ("greatest", "root_mean_square", "mean")))
    return Kept(shape, places, values, norms)


def _shape_of(held: Any) -> tuple[int, ...]:
    found = np.asarray(held.attrs.get("shape", ()))
    if found.dtype.kind != "i" or found.ndim != 1 or not 0 < found.size <= 32 or (found < 0).any():
        raise ValueError(f"{held.name} has no shape")
    return tuple(map(int, found))


def numbered_activations(group: Any, bytes_of_file: int) -> Iterator[Any]:
    """What a group holds under 0, 1, 2 and so on."""
    names = [str(number) for number in range(len(group))]
    if missing := [name for name in names if name not in group]:
        raise ValueError(f"{group.name}/{missing[0]} is not there")
    yield from (read_activation(group, name, bytes_of_file) for name in names)


def read_synthetic(file: Any, trace: Trace, bytes_of_file: int) -> tuple[Lesson, Trace, tuple[DrawnCall, ...]]:
    """The synthetic lesson, what came of it, and what it was drawn by where the file says so."""
    group = hdf5.group_of(file, "synthetic")
    stored_calls = hdf5.numbered(hdf5.group_of(group, "calls"))
    outputs = tuple(numbered_activations(hdf5.group_of(group, "outputs"), bytes_of_file))
    if len(stored_calls) != len(trace.calls) or len(outputs) != len(trace.outputs):
        raise ValueError("its synthetic run has another number of layer calls or outputs")
    both = list(zip(trace.calls, stored_calls, strict=True))
    calls = tuple(
        replace(call, **{name: read_activation(stored, name, bytes_of_file) for name in ("input", "output")})
        for call, stored in both
    )
    drawn_by = _read_drawn(file, trace.calls) if has_words(file, "holds") else ()
    taught = replace(trace, calls=calls, outputs=outputs)
    if drawn_by:
        return _drawn_again(file, drawn_by, bytes_of_file), taught, drawn_by
    lesson = tuple(
        Teaching(call.name, call.kind, _widened(stored, "feed"), _widened(stored, "give")) for call, stored in both
    )
    return lesson, taught, drawn_by


def _read_drawn(file: Any, calls: Sequence[LayerCall]) -> tuple[DrawnCall, ...]:
    held = read_words(
        file, "synthetic", [{"name": TEXT, "kind": TEXT, "feed": _DRAWN, "give": _DRAWN, "repeats?": NUMBER}]
    )
    if [call["name"] for call in held] != [call.name for call in calls]:
        raise ValueError("its synthetic lesson is of other layers")
    if any(not -1 <= call.get("repeats", -1) < number for number, call in enumerate(held)):
        raise ValueError("its synthetic lesson repeats a layer call that does not come before")
    return tuple(
        DrawnCall(
            call["name"], call["kind"], _drawn_by(call["feed"]), _drawn_by(call["give"]), int(call.get("repeats", -1))
        )
        for call in held
    )


def _drawn_by(held: Any) -> Drawn:
    kind = np.dtype(held["dtype"]).kind if held["dtype"] in _DTYPES else ""
    if not kind or (kind in "iu" and not held["rows"]) or (kind == "f" and not held["scale"] > 0):
        raise ValueError("its synthetic lesson is of no numbers")
    shape, looked_up = tuple(held["shape"]), tuple(held["looked_up"])
    fits = len(shape) > 1 and len(looked_up) == math.prod(shape[:-1]) and max(looked_up, default=0) < len(looked_up)
    if looked_up and not (fits and kind == "f"):
        raise ValueError("its synthetic lesson looks up other rows than it has")
    if (channels := held.get("channels", 0)) and not (kind == "f" and 0 < channels < len(shape)):
        raise ValueError("its synthetic lesson has no such channels")
    return Drawn(shape, held["dtype"], float(held["scale"]), held["rows"], looked_up, channels)


def _drawn_again(file: Any, calls: Sequence[DrawnCall], bytes_of_file: int) -> Lesson:
    sizes = [8 * max(math.prod(by.shape), by.rows) for call in calls for by in (call.feed, call.give)]
    check_declared(max(sizes, default=0), bytes_of_file)
    if sum(sizes) > _LARGEST_LESSON:
        raise ValueError(f"its synthetic lesson is of {sum(sizes):,} bytes")
    lesson = draw(calls)
    if hash_lesson(lesson) != read_words(file, "lesson", TEXT):
        raise ValueError("this version of numpy draws another synthetic lesson; convert again")
    return lesson


def _widened(group: Any, name: str) -> np.ndarray:
    array = hdf5.array_in(group, name)
    return array.astype(np.float64) if array.dtype.kind == "f" else array
