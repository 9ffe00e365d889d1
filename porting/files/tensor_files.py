"""Read ``.safetensors`` files: their header is held against the file before anything is allocated.

The format: eight bytes with the length of a JSON header, little-endian; the header, ``{name: {"dtype", "shape",
"data_offsets"}}`` and perhaps ``"__metadata__"``; the tensors' bytes.
"""

import math
import os
from collections.abc import Mapping
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np

from porting.files.bounds import LARGEST_JSON, parse_json
from porting.files.schemas import COUNT, TEXT, Each, check_schema

_METADATA = "__metadata__"
_DTYPES = {
    "F64": "<f8", "F32": "<f4", "F16": "<f2", "BF16": "<u2", "C64": "<c8", "BOOL": "?", "I64": "<i8", "I32": "<i4",
    "I16": "<i2", "I8": "i1", "U64": "<u8", "U32": "<u4", "U16": "<u2", "U8": "u1",
}  # fmt: skip
_TENSOR = {"dtype": TEXT, "shape": [COUNT], "data_offsets": [COUNT]}


@dataclass(frozen=True, slots=True)
class Stored:
    """One tensor of a file: where it lies and what it is."""

    dtype: str
    shape: tuple[int, ...]
    first: int
    stop: int


@dataclass(frozen=True, slots=True)
class TensorFile:
    """What the header of a file says.

    Attributes
    ----------
    path : Path
    tensors : Mapping
        Name -> where it lies and what it is.
    metadata : Mapping of str to str
    """

    path: Path
    tensors: Mapping[str, Stored]
    metadata: Mapping[str, str]

    def shapes(self) -> dict[str, tuple[int, ...]]:
        """Shape of every tensor."""
        return {name: held.shape for name, held in self.tensors.items()}

    def read(self) -> dict[str, np.ndarray]:
        """All tensors; bfloat16, which NumPy has not, is widened to float32, which keeps every value."""
        with self.path.open("rb") as file:
            return {name: _read(file, held) for name, held in self.tensors.items()}


def _read(file: Any, held: Stored) -> np.ndarray:
    file.seek(held.first)
    content = file.read(held.stop - held.first)
    array = np.frombuffer(bytearray(content), _DTYPES[held.dtype]).reshape(held.shape)
    return (array.astype(np.uint32) << 16).view(np.float32) if held.dtype == "BF16" else array


def read_header(path: str | os.PathLike) -> TensorFile:
    """Read what a file holds, and hold it against the file.

    Raises
    ------
    OSError
        If it cannot be read.
    ValueError
        If it is of another format, truncated, or holds types that no model here has.
    """
    path = Path(path)
    size = path.stat().st_size
    with path.open("rb") as file:
        length = int.from_bytes(file.read(8), "little")
        if size < 8 or length > min(size - 8, LARGEST_JSON):
            raise ValueError(f"its header would be of {length:,} bytes, and the file has {size:,}")
        header = parse_json(file.read(length))
    check_schema(header, Each({}))
    metadata = header.pop(_METADATA, {})
    check_schema(metadata, Each(TEXT))
    check_schema(header, Each(_TENSOR))
    tensors = {name: _stored(name, about, 8 + length, size) for name, about in header.items()}
    _check_apart(tensors)
    return TensorFile(path, tensors, metadata)


def _stored(name: str, about: Mapping[str, Any], begin: int, size: int) -> Stored:
    dtype, shape, offsets = about["dtype"], tuple(about["shape"]), about["data_offsets"]
    if dtype not in _DTYPES:
        raise ValueError(f"{name!r} is of the type {dtype!r}, which is not read; save it as F32")
    if len(shape) > 32 or len(offsets) != 2 or offsets[0] > offsets[1] or begin + offsets[1] > size:
        raise ValueError(f"{name!r} does not lie within the file, which may be truncated")
    if math.prod(shape) * np.dtype(_DTYPES[dtype]).itemsize != offsets[1] - offsets[0]:
        raise ValueError(f"{name!r} has another shape than its bytes")
    return Stored(dtype, shape, begin + offsets[0], begin + offsets[1])


def _check_apart(tensors: Mapping[str, Stored]) -> None:
    """Two tensors of one place would let a small file declare much."""
    ends = sorted((held.first, held.stop, name) for name, held in tensors.items())
    for (_, stop, _), (first, _, name) in pairwise(ends):
        if first < stop:
            raise ValueError(f"{name!r} lies where another tensor does")


def read_tensors(path: str | os.PathLike) -> dict[str, np.ndarray]:
    """Read all tensors of a file.

    Raises
    ------
    OSError, ValueError
        As `read_header`.
    """
    return read_header(path).read()
