"""Read what ``torch.save`` wrote, with nothing but tensors and plain containers allowed."""

import pickle
import re
import warnings
import zipfile
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

from porting.errors import CheckpointError, first_line
from porting.files.bounds import UNREADABLE, check_archive
from porting.reference import side as torch_side


def read_pickle(path: Path, is_mapped: bool) -> Any:
    """``torch.load`` with nothing but tensors and plain containers allowed, its errors told in the user's words."""
    torch_side.prepare()
    import torch

    try:
        _check_archive(path)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", UserWarning)  # torch warns of other pickle protocols before it refuses them
            content = torch.load(path, map_location="cpu", weights_only=True, mmap=is_mapped)
            if is_mapped and not _fits(content, path):  # PyTorch finds out what is wrong where it does not map
                content = torch.load(path, map_location="cpu", weights_only=True, mmap=False)
            return content
    except pickle.UnpicklingError as error:
        raise CheckpointError(_pickle_message(path, str(error))) from error
    except (*UNREADABLE, AssertionError) as error:
        raise CheckpointError(_archive_message(path, error)) from error


def _fits(content: Any, path: Path) -> bool:
    """Whether each storage has a member of its size: PyTorch maps what lies behind a member that is too short."""
    with zipfile.ZipFile(path) as archive:
        sizes = Counter(member.file_size for member in archive.infolist())
    storages = {storage.data_ptr(): storage.nbytes() for storage in _storages(content)}
    return not Counter(size for size in storages.values() if size) - sizes


def _storages(content: Any) -> Iterator[Any]:
    """The storages of all tensors in a checkpoint."""
    if hasattr(content, "untyped_storage"):
        with suppress(NotImplementedError, RuntimeError):  # sparse ones have none
            yield content.untyped_storage()
    elif isinstance(content, Mapping):
        for held in content.values():
            yield from _storages(held)
    elif isinstance(content, (list, tuple)):
        for held in content:
            yield from _storages(held)


def _archive_message(path: Path, error: Exception) -> str:
    """What is wrong with a file that is no pickle; torch's advice to read it unsafely is not passed on."""
    for word, kind in (("TorchScript", "a TorchScript program"), (".tar", "in PyTorch's first format, a tar archive")):
        if word in str(error):
            return f"{path} is {kind}, not a state dict. Load it with PyTorch and save its state_dict() alone."
    said = isinstance(error, (RuntimeError, ValueError)) and not isinstance(error, UnicodeError)
    reason = first_line(error).partition(". ")[0] if said else "its bytes are no such archive or pickle"
    return f"{path} is no readable PyTorch checkpoint: {reason}. {OTHER_COPY}"


OTHER_COPY = "It may be truncated or of another format; copy or download it again."


def _check_archive(path: Path) -> None:
    """Refuse a zip archive that declares more than it can hold, before PyTorch makes room for it."""
    with path.open("rb") as file:
        if file.read(4) != b"PK\x03\x04":
            return
    with zipfile.ZipFile(path) as archive:
        check_archive(archive, path.stat().st_size)
        for member in archive.infolist():
            if member.external_attr & _FOLDER and member.file_size:
                raise ValueError(f"{member.filename} is marked as a folder, and holds data")
            if member.compress_type != zipfile.ZIP_STORED:
                _check_packed(archive, member)


_FOLDER = 0x10
"""DOS' attribute of a folder: PyTorch unpacks nothing of such a member, and hands out whatever lay in memory."""


def _check_packed(archive: zipfile.ZipFile, member: zipfile.ZipInfo) -> None:
    """Unpack a member to its end, where its checksum is: PyTorch hands out memory that nothing was unpacked into."""
    with archive.open(member) as packed:
        while packed.read(_PIECE):
            pass


_PIECE = 1 << 20


_ACTING = (
    *("__builtin__", "asyncio", "builtins", "code", "codeop", "commands", "ctypes", "fcntl", "importlib", "mmap"),
    *("multiprocessing", "nt", "operator", "os", "pickle", "pip", "platform", "posix", "pty", "requests", "runpy"),
    *("shutil", "signal", "socket", "subprocess", "sys", "threading", "types", "urllib", "webbrowser"),
)
"""Modules that no checkpoint has a use for, and that a pickle calls to act on the machine."""


def _pickle_message(path: Path, reason: str) -> str:
    wanted = re.search(r"GLOBAL `?([\w.]+)", reason)
    if wanted and wanted[1].partition(".")[0] in _ACTING:
        return (
            f"{path} is hostile: it asks to run {wanted[1]}, which no checkpoint does. Nothing of it was run.\n"
            "Delete it, do not open it with another program, and tell whoever you have it from."
        )
    if wanted := re.search(r"GLOBAL `?([\w.]+)", reason):
        return (
            f"{path} is refused: it holds more than tensors and asks to run {wanted[1]}. Nothing of it was run.\n"
            "Where you trust its author, load it with the program that wrote it and save model.state_dict() alone."
        )
    return f"{path} is no PyTorch checkpoint: it holds no pickle of tensors and plain containers. {OTHER_COPY}"
