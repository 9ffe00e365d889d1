"""Recorded arrays: what a test's results were, and with which versions, to tell when they drift.

HDF5::

    /              attributes: version, versions
    /arrays/0      a data set each; attribute: name
"""

import json
import sys
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from porting.errors import InputError, OutputError, first_line, reason_of
from porting.evidence.drift import changed_versions
from porting.files import hdf5
from porting.files.bounds import parse_json
from porting.files.placement import library_writes, written_whole
from porting.files.schemas import TEXT, Each, check_schema
from porting.version import __version__
from porting.wording import counted

VERSION = 1
SUFFIX = ".h5"

_PACKAGES = ("numpy", "keras", "tensorflow", "jax", "torch")

Arrays = Mapping[str, np.ndarray]


def loaded_versions() -> dict[str, str]:
    """Versions of what this process may have computed with, and Keras' backend."""
    found = {"porting": __version__} | {
        name: module.__version__ for name in _PACKAGES if (module := sys.modules.get(name)) is not None
    }
    if keras := sys.modules.get("keras"):
        found["backend"] = keras.backend.backend()
    return found


def write_recording(path: Path, arrays: Arrays) -> None:
    """Record arrays in the place of what was recorded before, as a whole or not at all.

    Raises
    ------
    OutputError
        If the folder does not take the file.
    """
    import h5py

    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with written_whole(path) as draft, library_writes(), h5py.File(draft, "w") as file:
            file.attrs.update({"version": VERSION, "versions": json.dumps(loaded_versions())})
            for number, (name, array) in enumerate(arrays.items()):
                file.create_dataset(f"arrays/{number}", data=array).attrs["name"] = name
    except OSError as error:
        raise OutputError(f"Cannot record {path}: {reason_of(error)}.") from error


def read_recording(path: Path) -> tuple[dict[str, np.ndarray], dict[str, str]]:
    """Read recorded arrays and the versions that they were recorded with.

    Raises
    ------
    InputError
        If the file is no recording of this version.
    """
    try:
        with hdf5.opened(path) as file:
            if file.attrs.get("version") != VERSION:
                raise InputError(f"{path} is no recording of version {VERSION}. Record it again.")
            versions = parse_json(hdf5.attribute_of(file, "versions", str))
            check_schema(versions, Each(TEXT))
            return _read_arrays(file), versions
    except ValueError as error:
        raise InputError(f"{path} is no readable recording: {first_line(error)}. Record it again.") from error


def _read_arrays(file: Any) -> dict[str, np.ndarray]:
    stored = hdf5.numbered(hdf5.group_of(file, "arrays")) if "arrays" in file else []
    return {hdf5.attribute_of(data_set, "name", str): np.asarray(data_set[()]) for data_set in stored}


def differences(recorded: Arrays, arrays: Arrays, rtol: float) -> Iterator[str]:
    """A line for each array that is missing, new, of another type or shape, or further off than `rtol` allows."""
    yield from (f"{name}  recorded, but not given" for name in recorded if name not in arrays)
    yield from (f"{name}  given, but not recorded" for name in arrays if name not in recorded)
    for name in recorded:
        if name in arrays and (difference := _difference(recorded[name], arrays[name], rtol)):
            yield f"{name}  {difference}"


def _difference(recorded: np.ndarray, array: np.ndarray, rtol: float) -> str:
    for what in ("shape", "dtype"):
        if getattr(recorded, what) != getattr(array, what):
            return f"{what} {getattr(recorded, what)} when recorded, {getattr(array, what)} now"
    if recorded.dtype.kind not in "fc":
        return _inequality(recorded, array)
    return _deviation(recorded, array, rtol)


def _inequality(recorded: np.ndarray, array: np.ndarray) -> str:
    unequal = np.argwhere(recorded != array)
    return (
        f"{len(unequal)} of {counted(array.size, 'value')} differ, the first at {_place(unequal[0])}"
        if len(unequal)
        else ""
    )


def _deviation(recorded: np.ndarray, array: np.ndarray, rtol: float) -> str:
    """Greatest difference relative to the greatest recorded value; what is not finite must be equal."""
    finite = np.isfinite(recorded) & np.isfinite(array)
    unequal = np.argwhere(~finite & ~((recorded == array) | (np.isnan(recorded) & np.isnan(array))))
    if len(unequal):
        return f"{len(unequal)} NaN or infinite values on one side alone, the first at {_place(unequal[0])}"
    wide = np.result_type(recorded, np.float64)
    distance = np.abs(np.where(finite, array, 0).astype(wide) - np.where(finite, recorded, 0).astype(wide))
    scale = np.abs(recorded[finite].astype(wide)).max(initial=0)
    greatest = distance.max(initial=0)
    if greatest <= rtol * scale:
        return ""
    place = np.unravel_index(np.argmax(distance), distance.shape)
    relative = greatest / scale if scale else np.inf
    beyond = np.count_nonzero(distance > rtol * scale)
    return (
        f"relative error {relative:.1e} (limit {rtol:.0e}), greatest at {_place(place)}: "
        f"{recorded[place]:.7g} when recorded, {array[place]:.7g} now; "
        f"{beyond} of {counted(array.size, 'value')} beyond the limit"
    )


def _place(index: Any) -> str:
    return "(" + ", ".join(str(int(number)) for number in index) + ")"


def drift_message(path: Path, found: Sequence[str], versions: Mapping[str, str]) -> str:
    """Tell which arrays are no longer what was recorded, and which versions are others."""
    changed = list(changed_versions(versions, loaded_versions())) or ["the versions are those of the recording"]
    return "\n".join(
        [
            f"{len(found)} arrays are not what {path} recorded.",
            *(f"  {line}" for line in (*found, *changed)),
            "Mend the code; or, if the change was meant, record it with --porting-update-golden.",
        ]
    )
