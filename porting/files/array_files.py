"""Hold what ``.npy`` and ``.npz`` files declare against the file, before NumPy makes room for it."""

import math
import zipfile
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np

from porting.files.bounds import UNREADABLE, check_archive


def check_array_file(path: Path) -> None:
    """Refuse a file whose arrays are larger than it can hold.

    Raises
    ------
    ValueError
        If they are, or it is of another format.
    """
    size = path.stat().st_size
    try:
        if not zipfile.is_zipfile(path):
            with path.open("rb") as file:
                _check_array(file, size, path.name)
            return
        with zipfile.ZipFile(path) as archive:
            check_archive(archive, size)
            for member in archive.infolist():
                with archive.open(member) as file:
                    _check_array(file, member.file_size, member.filename)
    except UNREADABLE as error:
        raise ValueError(str(error) or type(error).__name__) from error


def _check_array(file: Any, size: int, name: str) -> None:
    shape, dtype = _read_header(file)
    if dtype.hasobject:
        raise ValueError(f"{name} holds Python objects, which are not read")
    if math.prod(shape) * dtype.itemsize > size or min(shape, default=0) < 0:
        raise ValueError(f"{name} declares {math.prod(shape):,} values and has {size:,} bytes")


def _read_header(file: BinaryIO) -> tuple[tuple[int, ...], np.dtype]:
    version = np.lib.format.read_magic(file)
    read = np.lib.format.read_array_header_1_0 if version == (1, 0) else np.lib.format.read_array_header_2_0
    shape, _, dtype = read(file)
    return shape, dtype
