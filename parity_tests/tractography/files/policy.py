"""The policy for tractograms as a table: files, and what is to come of each.

The rows are those of docs/finta/tractograms.md.
"""

import gzip
import struct
import zipfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from parity_tests.tractography.files.handmade import (
    BROKEN,
    LINES,
    NAN,
    among,
    trx_entries,
    write_folder,
    write_good_trx,
    write_tck,
    write_trk,
    write_trx,
)


@dataclass(frozen=True)
class Case:
    """A file, and what every reader makes of it.

    Attributes
    ----------
    row : str
        The first cell of its row in the documentation.
    name : str
        Of the file.
    make : callable
        Writes it to a path.
    skipped : int
        Streamlines that are skipped and counted, besides the ten that are read.
    refused, word : str
        A pattern of the error, or of the warning; of neither where it is read without a word.
    needs_space : bool
        Whether it is read by a reference alone.
    """

    row: str
    name: str
    make: Callable[[Path], None]
    skipped: int = 0
    refused: str = ""
    word: str = ""
    needs_space: bool = False

    def __str__(self):
        return f"{self.name}: {self.row}"


def trk(row, **how):
    """A case of TRK; what is not `Case`'s goes to `write_trk`."""
    return _case(row, "a.trk", write_trk, how)


def tck(row, **how):
    """A case of TCK."""
    return _case(row, "a.tck", write_tck, how)


def trx(row, compression=zipfile.ZIP_STORED, entries=None, **how):
    """A case of TRX; `entries` are put in the place of what a good file has."""
    own = {name: how.pop(name) for name in list(how) if name not in ("skipped", "refused", "word", "name")}
    return Case(
        row,
        how.pop("name", "a.trx"),
        lambda path: write_trx(path, trx_entries(**own) | (entries or {}), compression),
        **how,
    )


def _case(row, name, write, how):
    mine = {key: how.pop(key) for key in ("skipped", "refused", "word", "needs_space", "name") if key in how}
    return Case(row, mine.pop("name", name), lambda path: write(path, **how), **mine)


def packed(row, name, write, **how):
    """A case that gzip packs."""

    def make(path):
        write(path)
        path.write_bytes(gzip.compress(path.read_bytes()))

    return Case(row, name, make, **how)


def written(row, name, content, refused):
    """A case of bytes that are refused."""
    return Case(row, name, lambda path: path.write_bytes(content), refused=refused)


def cut(row, name, write, size, refused):
    """A case that ends before its end."""

    def make(path):
        write(path)
        path.write_bytes(path.read_bytes()[:size])

    return Case(row, name, make, refused=refused)


SKIPPED = [
    made
    for row, line in BROKEN.items()
    for made in (
        trk(row, lines=among(line), skipped=1),
        tck(row, lines=among(line), head=("count: 11",), skipped=1),
        trx(row, lines=among(line), skipped=1),
    )
] + [
    tck(
        "a streamline with infinity",
        lines=among(np.array([[1, 2, 3], [1e300, 5, 6]])),
        head=("count: 11",),
        dtype="<f8",
        skipped=1,
    ),
    trk("a streamline with NaN", name="all.trk", lines=among(*BROKEN.values()), skipped=5),
]

READ = [
    trk("no number of streamlines announced", nb_streamlines=0),
    trk("no number of streamlines announced", nb_streamlines=-1),
    tck("no number of streamlines announced", head=()),
    trk("the other byte order, other precisions", swapped=True),
    *(tck("the other byte order, other precisions", dtype=dtype) for dtype in (">f4", "<f8", ">f8")),
    trx("the other byte order, other precisions", positions="positions.3.float64"),
    tck("a header's END with blanks", end=b"END \n"),
    tck("a header's END with blanks", end=b"END\t\r\n"),
    tck(
        "a field said twice, alike", head=("count: 10", "count: 0000000010", "datatype: Float32LE", "roi: a", "roi: b")
    ),
    trx("TRX entries compressed", compression=zipfile.ZIP_DEFLATED),
    Case("TRX as a folder", "b.trx", lambda path: write_folder(path, trx_entries())),
    packed("packed by gzip", "a.trk.gz", write_trk),
    packed("packed by gzip", "a.tck.gz", write_tck),
    trk("upper-case suffixes", name="a.TRK"),
    tck("upper-case suffixes", name="a.TCK"),
    trx("upper-case suffixes", name="a.Trx"),
    packed("upper-case suffixes", "A.TRK.GZ", write_trk),
]

WORDS = [
    trk("voxel_order empty, or not the affine's", order=b"LPS", stated=b"", word="voxel_order is empty, which is LPS"),
    trk("voxel_order empty, or not the affine's", order=b"RAS", word="voxel_order is RAS, .* affine's voxels run LAS"),
    trk("more than announced", nb_streamlines=10, tail=b"\1\0\0\0" + bytes(12), word="goes on behind the 10 streaml"),
    trk("more than announced", nb_streamlines=10, tail=b"\xff" * 16, word="goes on behind the 10 streamlines"),
    tck("more than announced", head=("count: 7",), word="holds 10 streamlines, and its header announces 7"),
    tck("two counts that differ", head=("count: 7", "count: 10"), word="announces 7 and 10 streamlines"),
    trx(
        "no last offset",
        entries={"offsets.uint64": np.cumsum([0, *map(len, LINES)])[:-1].astype("<u8").tobytes()},
        word="leaves out the last offset",
    ),
    trx("entries of no array", extra={"dps/name.utf8": b"abc"}, word=r"left aside: dps/name\.utf8"),
    trx("entries of no array", extra={"dps/name.O": b"abcdefgh"}, word=r"left aside: dps/name\.O"),
    trx(
        "entries of no array",
        extra={"__MACOSX/._header.json": b"x", ".DS_Store": b"", "positions.txt": b"hello"},
        word=r"left aside: __MACOSX/\._header\.json, \.DS_Store, positions\.txt\.",
    ),
    trx("entries of no array", extra={"\x1b[2J.txt": b""}, word=r"left aside: '\\x1b\[2J\.txt'"),
    Case(
        "entries of no array",
        "c.trx",
        lambda path: write_folder(path, trx_entries(extra={".DS_Store": b""})),
        word=r"left aside: \.DS_Store",
    ),
]

NO_SPACE = [
    trk("no affine", needs_space=True, voxel_to_rasmm=np.zeros((4, 4)), word="vox_to_ras is empty.*reference's"),
    trk("no affine", needs_space=True, version=1, word="of version 1.*reference's affine is taken"),
    trk("no affine", needs_space=True, voxel_sizes=(0, 0, 0), word="voxel_size is not positive.*reference's"),
    trk("no affine", needs_space=True, voxel_to_rasmm=np.full((4, 4), NAN), word="is no affine.*reference's"),
]

_RISES_NOT = np.array([0, 30, 20, *np.cumsum([*map(len, LINES)])[2:]], "<u8").tobytes()

REFUSED = [
    trk("fewer than announced", nb_streamlines=12, refused="truncated: its header announces 12 .* holds 10 whole"),
    trk("fewer than announced", keep=8, refused="truncated: its header announces 10 streamlines, it holds 8"),
    tck("fewer than announced", head=("count: 12",), refused="truncated: its header announces 12 .* it holds 10"),
    trx("fewer than announced", NB_STREAMLINES=12, refused="truncated: its header announces 13 rows of offsets"),
    cut("cut within a streamline", "a.trk", write_trk, -4, "truncated"),
    cut("cut within a streamline", "a.trk", lambda path: write_trk(path, nb_streamlines=0), -7, "its last is cut off"),
    cut("cut within a streamline", "a.tck", write_tck, -12, "does not end with a point of infinity"),
    cut("cut within a streamline", "a.tck", write_tck, -5, "its last point is not whole"),
    cut("cut within a streamline", "a.trx", write_good_trx, -40, "truncated"),
    cut("cut within a streamline", "a.trk.gz", packed("", "", write_trk).make, -40, "truncated, or no gzip"),
    trk("a record of fewer than no points", tail=struct.pack("<i", -3), nb_streamlines=0, refused="of -3 points"),
    trk("a header that contradicts itself", voxel_order=b"XYZ", refused="header of no use"),
    trk("a header that contradicts itself", nb_scalars_per_point=-1, refused="announces -1 scalars"),
    tck(
        "a header that contradicts itself", head=("datatype: Float64LE",), refused="datatype is Float64LE and Float32LE"
    ),
    tck("a header that contradicts itself", head=("file: . 300",), refused=r"file is \. 300 and \. 200"),
    trx(
        "a header that contradicts itself",
        NB_STREAMLINES=9,
        refused="contradicts itself: .* 10 rows of offsets, it hol",
    ),
    trx(
        "a header that contradicts itself",
        NB_VERTICES=244,
        refused="contradicts itself: .* 244 rows of positions, it hol",
    ),
    trx("a header that contradicts itself", entries={"offsets.uint64": _RISES_NOT}, refused="offsets do not rise"),
    trx("a header that contradicts itself", extra={"positions.3.float16": b""}, refused="holds positions twice"),
    trx(
        "a header that contradicts itself", positions="positions.1.float32", refused="wanted are 3 x float and 1 x int"
    ),
    trx("a header that contradicts itself", extra={"dps/a.float32": b"1234"}, refused="10 rows of dps/a, it holds 1"),
    tck("no END", end=b"", refused="its TCK header has no line END"),
    tck("a datatype that is none", head=("datatype: Float16LE",), refused="datatype is Float16LE and"),
    trx(
        "more announced than any file holds", NB_VERTICES=10**15, refused="announces 1000000000000000 rows of positions"
    ),
    trx("more announced than any file holds", NB_STREAMLINES=-1, refused="NB_STREAMLINES is no whole number"),
    trx("more announced than any file holds", NB_STREAMLINES="12", refused="NB_STREAMLINES is no whole number"),
    trk("more announced than any file holds", nb_streamlines=2**31 - 1, refused="announces 2147483647 streamlines"),
    trk(
        "more announced than any file holds",
        tail=struct.pack("<i", 2**31 - 1),
        nb_streamlines=11,
        refused="announces 11 streamlines, it holds 10 whole",
    ),
    packed(
        "more announced than any file holds",
        "a.tck.gz",
        lambda path: path.write_bytes(bytes(20_000_000)),
        refused="packed 100 times and more",
    ),
    trx(
        "more announced than any file holds",
        extra={"dps/a.3.float32": bytes(40_000_000)},
        compression=zipfile.ZIP_DEFLATED,
        refused="packed more than any tractogram is",
    ),
    trx("a header that is none", entries={"header.json": b"[" * 100_000}, refused="is no TRX file"),
    trx(
        "a header that is none",
        entries={"header.json": b"{}"},
        refused="is no TRX file, or truncated: 'NB_STREAMLINES'",
    ),
    trx(
        "a header that is none", entries={"header.json": b" " * 2_000_000}, refused="header.json is of 2,000,000 bytes"
    ),
    trx("a header that is none", entries={"header.json": None}, refused="holds no header.json"),
    trx("a header that is none", VOXEL_TO_RASMM=[[NAN] * 4] * 4, refused="VOXEL_TO_RASMM is not finite"),
    trx("a header that is none", VOXEL_TO_RASMM=[[0] * 4] * 4, refused="is no TRX file"),
    trx("a header that is none", entries={"positions.3.float32": None}, refused="holds no positions"),
    *(
        written("a header that is none", f"a.{name}", b"", f"is no {name.upper()} file")
        for name in ("trk", "tck", "trx")
    ),
    *(
        written("a header that is none", f"a.{name}", b"TRACK mrtrix PK\3\4" * 100, f"is no {name.upper()} file")
        for name in ("trk", "tck", "trx")
    ),
    written("a header that is none", "a.trk.gz", b"no gzip" * 100, "truncated, or no gzip file"),
    written("another suffix", "a.vtk", b"", "its name must end in"),
    trk("no streamlines", lines=[], refused="no streamlines"),
    tck("no streamlines", lines=[], head=(), refused="no streamlines"),
    trx("no streamlines", NB_STREAMLINES=0, NB_VERTICES=0, refused="no streamlines"),
]

CASES = [*SKIPPED, *READ, *WORDS, *NO_SPACE, *REFUSED]
