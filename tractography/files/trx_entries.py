"""Where the entries of a TRX file lie: in a zip archive, stored or compressed, or in a folder."""

import struct
import tempfile
import weakref
import zipfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from tractography.errors import TractogramError, shown
from tractography.files.spans import FileBytes, largest_unpacked, open_bytes

HEADER, HEADER_BYTES = "header.json", 1 << 20
"""Name of what says how many rows there are, and how large it may be."""

ENTRY_BYTES = 30
"""What an entry of a zip archive begins with, before its name."""


@dataclass(frozen=True, slots=True, eq=False)
class Entry:
    """Bytes of a TRX file under a name.

    Attributes
    ----------
    name : str
        As in the archive or folder: ``dps/NAME.float32``.
    file : FileBytes
    begin, size : int
    """

    name: str
    file: FileBytes
    begin: int
    size: int


def read_header_text(file: FileBytes) -> bytes:
    """Read ``header.json``.

    Raises
    ------
    TractogramError
        If there is none, or it is too large to be one.
    zipfile.BadZipFile
        If the file is no archive.
    """
    if file.path.is_dir():
        size, read = file.size, lambda: file.read(0, file.size).tobytes()
    else:
        with zipfile.ZipFile(file.path) as archive:
            info = archive.NameToInfo.get(HEADER)
            if info is None:
                raise TractogramError(f"{file.path} is no TRX file: it holds no {HEADER}. Export it again.")
            size, read = info.file_size, lambda: _read_entry(file.path, info)
    if size > HEADER_BYTES:
        raise TractogramError(f"{file.path} is no TRX file: its {HEADER} is of {size:,} bytes. Export it again.")
    return read()


def _read_entry(path: Path, info: zipfile.ZipInfo) -> bytes:
    with zipfile.ZipFile(path) as archive:
        return archive.read(info)


def names_of(file: FileBytes) -> list[str]:
    """List the entries, but for folders and the header."""
    if file.path.is_dir():
        inside = (path for path in file.path.rglob("*") if path.is_file())
        names = sorted(path.relative_to(file.path).as_posix() for path in inside)
    else:
        with zipfile.ZipFile(file.path) as archive:
            names = [info.filename for info in archive.infolist() if info.filename and not info.is_dir()]
    return [name for name in names if name != HEADER]


def find_entries(file: FileBytes, names: Sequence[str]) -> list[Entry]:
    """Find the bytes of entries; of an archive that compresses one, all are unpacked to a temporary folder.

    Raises
    ------
    TractogramError
        If one lies outside the file, is twice in it, or is damaged or far larger, unpacked, than an array can be.
    """
    if file.path.is_dir():
        return [_in_folder(file.path / name, name, file) for name in names]
    with zipfile.ZipFile(file.path) as archive:
        infos = [info for info in archive.infolist() if info.filename in set(names)]
        if len(infos) != len(names):
            raise TractogramError(f"{file.path} holds entries of one name twice. Export it again.")
        if all(info.compress_type == zipfile.ZIP_STORED for info in infos):
            return [_stored(file, info) for info in infos]
        return _unpacked(file, archive, infos)


def _in_folder(path: Path, name: str, file: FileBytes) -> Entry:
    content = open_bytes(path)
    weakref.finalize(file, content.close)
    return Entry(name, content, 0, content.size)


def _stored(file: FileBytes, info: zipfile.ZipInfo) -> Entry:
    """Find the first byte of what is stored; only the entry's own header says how long that header is."""
    begin = info.header_offset + ENTRY_BYTES
    if begin > file.size or info.flag_bits & 1:
        raise TractogramError(
            f"{file.path} is truncated, or encrypted, at {shown(info.filename)}. Copy or export it again."
        )
    entry = file.read(info.header_offset, begin).tobytes()
    begin += sum(struct.unpack("<HH", entry[26:30]))
    if begin + info.file_size > file.size:
        raise TractogramError(
            f"{file.path} is truncated: {shown(info.filename)} ends behind it. Copy or export it again."
        )
    return Entry(info.filename, file, begin, info.file_size)


def _unpacked(file: FileBytes, archive: zipfile.ZipFile, infos: Sequence[zipfile.ZipInfo]) -> list[Entry]:
    if sum(info.file_size for info in infos) > largest_unpacked(file.size):
        raise TractogramError(f"{file.path} is packed more than any tractogram is. Export it again, uncompressed.")
    folder = tempfile.TemporaryDirectory()
    weakref.finalize(file, folder.cleanup)
    entries = []
    try:
        for number, info in enumerate(infos):  # numbered: names of an archive are no paths
            path = Path(folder.name, str(number))
            with archive.open(info) as packed, path.open("wb") as unpacked:
                while content := packed.read(1 << 20):
                    unpacked.write(content)
            content = open_bytes(path, file.path)
            entries.append(Entry(info.filename, content, 0, content.size))
    except OSError as error:
        raise TractogramError(
            f"{file.path} cannot be unpacked: {error.strerror or error}. Make room, or set TMPDIR."
        ) from error
    except Exception as error:  # zipfile and zlib raise whatever their parsing trips over
        raise TractogramError(f"{file.path} is damaged: {error}. Copy or export it again.") from error
    return entries
