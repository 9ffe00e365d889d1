"""Let go of memory-mapped pages, so that a checkpoint larger than half the memory can still be moved."""

import ctypes
import mmap
import sys

import numpy as np

_DONTNEED = getattr(mmap, "MADV_DONTNEED", None)


def release(array: np.ndarray) -> None:
    """Drop the resident pages of an array that is mapped from a file and was not written to; it reads them again.

    Only for such arrays: any other memory would be emptied. Does nothing where the system is not Linux.
    """
    if _DONTNEED is None or sys.platform != "linux":
        return
    page = mmap.PAGESIZE
    first = -(-array.ctypes.data // page) * page
    length = (array.ctypes.data + array.nbytes - first) // page * page
    if length > 0:
        ctypes.CDLL(None).madvise(ctypes.c_void_p(first), ctypes.c_size_t(length), _DONTNEED)
