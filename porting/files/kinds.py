"""What kind of file something is, told by its first bytes and its name; needs nothing beyond Python."""

import zipfile
from collections.abc import Iterable, Mapping
from enum import Enum
from pathlib import Path

from porting.files.bounds import UNREADABLE, parse_json


class FileKind(Enum):
    """What a file is, in the words that a message needs."""

    PYTORCH = "a PyTorch checkpoint"
    KERAS = "a Keras file"
    HDF5 = "an HDF5 file"
    CERTIFICATE = "a certificate"
    UNKNOWN = "of no known kind"


def kind_of(path: Path) -> FileKind:
    """Tell what a file is; one that is damaged or foreign is of no known kind.

    Raises
    ------
    OSError
        If it cannot be read.
    """
    if path.name.endswith(".certificate.json"):
        return FileKind.CERTIFICATE
    with path.open("rb") as file:
        first = file.read(8)
    if first.startswith(b"PK\x03\x04"):
        return _kind_of_archive(path)
    if first == b"\x89HDF\r\n\x1a\n":
        return FileKind.KERAS if path.name.endswith(".weights.h5") else FileKind.HDF5
    if path.suffix == ".safetensors":
        return _kind_of_tensors(path)
    return FileKind.PYTORCH if first.startswith(b"\x80") else FileKind.UNKNOWN


def _kind_of_archive(path: Path) -> FileKind:
    try:
        with zipfile.ZipFile(path) as archive:
            names = archive.namelist()
    except UNREADABLE:
        return FileKind.UNKNOWN
    if "config.json" in names:
        return FileKind.KERAS
    return FileKind.PYTORCH if any(name.endswith("data.pkl") for name in names) else FileKind.UNKNOWN


def _kind_of_tensors(path: Path) -> FileKind:
    try:
        with path.open("rb") as file:
            length = int.from_bytes(file.read(8), "little")
            names = parse_json(file.read(min(length, path.stat().st_size)))
    except ValueError:
        return FileKind.UNKNOWN
    if not isinstance(names, dict):
        return FileKind.UNKNOWN
    metadata = names.pop("__metadata__", None)
    return tensors_kind(names, metadata if isinstance(metadata, dict) else {})


def tensors_kind(names: Iterable[str], metadata: Mapping[str, str]) -> FileKind:
    """Whose names tensors in safetensors have, where their writer does not say that it was PyTorch.

    Keras' are paths, ``block.1/dense/kernel``: behind the last slash is a variable's own name. PyTorch allows
    slashes in a module's name, ``in/out.weight``, behind which a dot follows.
    """
    if metadata.get("format") == "pt":
        return FileKind.PYTORCH
    own = (name.rpartition("/") for name in names)
    return FileKind.KERAS if any(slash and "." not in last for _, slash, last in own) else FileKind.PYTORCH
