"""What a file that was handed over may declare: nothing is taken into memory that the file itself cannot hold.

Every reader asks here before it allocates. Whatever is wrong is a ValueError that says so in a few words; the reader
adds the file and the remedy.
"""

import json
import lzma
import struct
import tokenize
import zipfile
import zlib
from pathlib import Path
from typing import Any

LARGEST_RATIO = 100
"""How much larger than a file its content may be declared: gzip packs real activations by less than 20."""

ALLOWANCE = 64 << 20
"""Bytes that any file may declare, however small it is: zeros are packed a thousandfold."""

LARGEST_JSON = 64 << 20
"""Bytes of a JSON text, whose objects take about twenty times as many in memory."""

UNREADABLE = (
    ArithmeticError,
    AttributeError,
    EOFError,
    LookupError,
    MemoryError,
    NotImplementedError,
    OSError,
    RecursionError,
    RuntimeError,
    SyntaxError,
    TypeError,
    ValueError,
    lzma.LZMAError,
    struct.error,
    tokenize.TokenError,
    zipfile.BadZipFile,
    zlib.error,
)
"""What libraries raise over a damaged file; only for a `try` about nothing but such a library's reading."""


def check_declared(declared: int, size: int) -> None:
    """Refuse content of more bytes than a file of `size` bytes can hold.

    Raises
    ------
    ValueError
        If it is larger.
    """
    if declared > max(ALLOWANCE, LARGEST_RATIO * size):
        raise ValueError(f"it declares {declared:,} bytes and has {size:,}")


def parse_json(text: str | bytes) -> Any:
    """Read a JSON text of whoever wrote it.

    Raises
    ------
    ValueError
        If it is none, too large, or nested more deeply than anything that this tool writes.
    """
    if len(text) > LARGEST_JSON:
        raise ValueError(f"{len(text):,} bytes of JSON, {LARGEST_JSON:,} are read at most")
    try:
        return json.loads(text)
    except RecursionError as error:
        raise ValueError("its JSON is nested too deeply") from error


def read_json(path: Path) -> Any:
    """Read a file of JSON.

    Raises
    ------
    OSError
        If it cannot be read.
    ValueError
        If it is none, too large, or nested more deeply than anything that this tool writes.
    """
    with path.open("rb") as file:
        return parse_json(file.read(LARGEST_JSON + 1))


def check_archive(archive: zipfile.ZipFile, size: int) -> None:
    """Refuse a zip archive whose members are declared larger than its `size` bytes can hold, or more than once.

    Raises
    ------
    ValueError
        If they are.
    """
    members = archive.infolist()
    check_declared(sum(member.file_size for member in members), size)
    names = {member.filename for member in members}
    if len(names) < len(members):
        raise ValueError("it holds two members of one name")
    if encrypted := [member.filename for member in members if member.flag_bits & 1]:
        raise ValueError(f"{encrypted[0]!r} is encrypted")


def read_member(archive: zipfile.ZipFile, name: str) -> Any:
    """Read a member of an archive that holds JSON.

    Raises
    ------
    ValueError
        If there is none, or it cannot be read.
    """
    try:
        with archive.open(name) as member:
            return parse_json(member.read(LARGEST_JSON + 1))
    except KeyError as error:
        raise ValueError(f"it holds no {name}") from error
    except ValueError as error:
        raise ValueError(f"{name}: {error}") from error
