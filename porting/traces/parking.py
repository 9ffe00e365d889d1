"""Large arrays parked in temporary files, so that memory follows the largest of them and not their sum.

A parked array is an array as any other, but nobody is to write to it: its pages come from its file when they are
touched, and `release` lets them go again. The file has no name, and is gone with the array.
"""

import ctypes
import mmap
from contextlib import suppress
from tempfile import TemporaryFile
from typing import Any

import numpy as np

SMALLEST = 1 << 20
"""Bytes of an array below which parking it saves nothing."""


def park(array: np.ndarray) -> np.ndarray:
    """The same values in a file; an array that is small or repeats the same memory, or finds no room, as it is."""
    if array.nbytes < SMALLEST or 0 in array.strides or _mapping(array) is not None:
        return array
    try:
        with TemporaryFile() as file:
            np.ascontiguousarray(array).tofile(file)
            file.flush()
            mapped = mmap.mmap(file.fileno(), array.nbytes, access=mmap.ACCESS_COPY)  # torch takes no read-only array
    except OSError:
        return array
    return np.frombuffer(mapped, array.dtype).reshape(array.shape)


def copied(array: np.ndarray) -> np.ndarray:
    """A copy of an array's values: in a file where it is large."""
    parked = park(array)
    return array.copy() if parked is array else parked


def release(*arrays: Any) -> None:
    """Let go of the memory that parked arrays, or views of them, have come to take."""
    for array in arrays:
        mapped = _mapping(array)
        if mapped is not None and hasattr(mmap, "MADV_DONTNEED"):
            mapped.madvise(mmap.MADV_DONTNEED)


def give_back() -> None:
    """Give memory back to the system that was freed, and that the C library keeps for later."""
    with suppress(OSError, AttributeError):  # another C library
        ctypes.CDLL(None).malloc_trim(0)


def _mapping(array: Any) -> mmap.mmap | None:
    """The file that an array's values lie in, if it is parked."""
    held = array
    while isinstance(held, np.ndarray):
        held = held.base
    held = held.obj if isinstance(held, memoryview) else held
    return held if isinstance(held, mmap.mmap) else None
