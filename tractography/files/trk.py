"""TRK files: records of a count, its points with their scalars, and properties; in voxel mm from the image's corner."""

from dataclasses import dataclass, field
from typing import Any

import numpy as np

from tractography.errors import TractogramError, shown
from tractography.files.headers import Header
from tractography.files.spans import FileBytes, Index, every_stride
from tractography.files.streamlines import Streamlines

HEADER_BYTES = 1000
SPACE_MISSING = (
    "{path} does not say where its voxels lie: {reason}. Give the image that it was tracked in with --reference "
    "(finta batches build, encode, filter, reconstruct), or write it again with the affine of that image, for instance "
    "with DIPY: save_tractogram(StatefulTractogram(streamlines, 'image.nii.gz', Space.VOXMM), 'new.trk')."
)
SAME_VOXELS = 0.01
"""So much, relative to each, may the voxels of a header and of a reference differ in size."""


@dataclass(frozen=True, slots=True, eq=False)
class TrkLayout:
    """How the records of a TRK file lie, and how to read them.

    Attributes
    ----------
    header : Header
    announced : int
        Streamlines that the header announces; 0 where it does not say.
    word : dtype
        int32 in the file's byte order.
    width, property_count : int
        Values of a point, its coordinates among them, and of a streamline.
    scalars, properties : dict of str to slice
        Where each named value lies among the scalars of a point, and among the properties of a streamline.
    affine : ndarray, (4, 4), float32
        From the file's coordinates to RAS+ mm.
    words : list of str
        What is not as it should be.
    """

    header: Header
    announced: int
    word: np.dtype
    width: int
    property_count: int
    scalars: dict[str, slice]
    properties: dict[str, slice]
    affine: np.ndarray
    words: list[str] = field(default_factory=list)

    def scan(self, file: FileBytes) -> Index:
        """Walk through all records, and note where every 256th starts.

        Raises
        ------
        TractogramError
            If the file ends within a record, or before the number of streamlines that its header announces.
        """
        noted, count, place = [], 0, HEADER_BYTES
        end = HEADER_BYTES + (file.size - HEADER_BYTES) // 4 * 4
        for block, content in file.blocks(HEADER_BYTES, end):
            most = self.announced - count if self.announced else None
            starts, after = self._walk(file, self._words(content), (place - block) // 4, most)
            noted.append(block + 4 * every_stride(starts, count))
            count, place = count + len(starts), block + 4 * after
            if count == self.announced:
                break
        self._check_end(file, count, place)
        return Index(count, file.size, np.concatenate([*noted, [place]]).astype(np.int64))

    def _check_end(self, file: FileBytes, count: int, place: int) -> None:
        short = place > file.size or (not self.announced and place != file.size)
        if short or count < self.announced:
            held = count - (place > file.size)
            announced = (
                f"its header announces {self.announced} streamlines" if self.announced else "its last is cut off"
            )
            raise TractogramError(
                f"{file.path} is truncated: {announced}, it holds {held} whole ones. Copy or export it again."
            )
        if place < file.size:
            self.words.append(
                f"{file.path} goes on behind the {count} streamlines that its header announces: "
                f"{file.size - place} bytes are left aside."
            )

    def _words(self, content: np.ndarray) -> np.ndarray:
        return content.view(self.word).astype(np.int32, copy=False)

    def _walk(self, file: FileBytes, words: np.ndarray, place: int, most: int | None = None) -> tuple[np.ndarray, int]:
        """Find the words at which records start, `most` from `place` on, and where the one after the last starts."""
        starts, counts = [], words.data
        size, fixed, width = len(words), 1 + self.property_count, self.width
        note = starts.append
        while place < size and len(starts) != most:
            note(place)
            count = counts[place]
            if count < 0:
                raise TractogramError(
                    f"{file.path} is broken: a streamline of {count} points. Copy or export it again."
                )
            place += fixed + count * width
        return np.array(starts, np.int64), place

    def read(self, file: FileBytes, index: Index, first: int, stop: int) -> Streamlines:
        """Read the streamlines from `first` up to `stop`."""
        from nibabel.affines import apply_affine

        begin, end, aligned = index.span(first, stop)
        words = self._words(file.read(begin, end))
        starts, after = self._walk(file, words, 0)
        starts = np.append(starts, after)[first - aligned : stop - aligned + 1]
        words, starts = words[starts[0] : starts[-1]], starts - starts[0]
        values = words.view(np.float32)
        is_point = np.ones(len(words), bool)
        is_point[starts[:-1]] = False
        ends = starts[1:, None] + np.arange(-self.property_count, 0)
        is_point[ends] = False
        points = values[is_point].reshape(-1, self.width)
        scalars, properties = points[:, 3:], values[ends]
        with np.errstate(invalid="ignore", over="ignore"):  # points may be infinite
            placed = apply_affine(self.affine, np.ascontiguousarray(points[:, :3]), inplace=True)
        return Streamlines(
            placed,
            words[starts[:-1]].astype(np.int64),
            {name: np.ascontiguousarray(scalars[:, part]) for name, part in self.scalars.items()},
            {name: properties[:, part] for name, part in self.properties.items()},
        )


def read_layout(file: FileBytes, space: Header | None = None) -> TrkLayout:
    """Read the header of a TRK file; `space` says where its voxels lie if it does not.

    Raises
    ------
    TractogramError
        If it is no TRK header of version 1 to 3, or nothing says where the image's voxels lie.
    """
    from nibabel.streamlines.trk import get_affine_trackvis_to_rasmm

    fields, word = _read_fields(file)
    words: list[str] = []
    _settle_space(file, fields, space, words)
    _settle_order(file, fields, words)
    scalar_count, property_count = int(fields["nb_scalars_per_point"]), int(fields["nb_properties_per_streamline"])
    try:
        affine = get_affine_trackvis_to_rasmm(fields)
        scalars = _parts(fields["scalar_name"], scalar_count, "scalars")
        properties = _parts(fields["property_name"], property_count, "properties")
    except Exception as error:  # nibabel raises whatever its parsing trips over
        raise TractogramError(
            f"{file.path} has a TRK header of no use: {shown(str(error))}. Export it again."
        ) from error
    header = Header(
        ".trk",
        fields["voxel_to_rasmm"].astype(np.float32),
        tuple(fields["dimensions"].tolist()),
        tuple(fields["voxel_sizes"].tolist()),
        fields["voxel_order"].decode("latin1"),
        trk=fields.tobytes(),
    )
    announced = max(int(fields["nb_streamlines"]), 0)  # 0: not known; others write -1
    return TrkLayout(header, announced, word, 3 + scalar_count, property_count, scalars, properties, affine, words)


def _read_fields(file: FileBytes) -> tuple[Any, np.dtype]:
    """Read a header's fields, little-endian, and the file's own type of integers."""
    from nibabel.streamlines.trk import header_2_dtype

    content = file.read(0, min(HEADER_BYTES, file.size)).tobytes()
    if len(content) < HEADER_BYTES or not content.startswith(b"TRACK"):
        raise TractogramError(f"{file.path} is no TRK file: it does not start with a TRK header. Export it again.")
    dtype, word = header_2_dtype.newbyteorder("<"), np.dtype("<i4")
    fields: Any = np.frombuffer(bytearray(content), dtype)[0]
    if fields["hdr_size"] != HEADER_BYTES:
        word = word.newbyteorder()
        fields = np.frombuffer(content, dtype.newbyteorder()).astype(dtype)[0]
    if fields["hdr_size"] != HEADER_BYTES:
        raise TractogramError(f"{file.path} is no TRK file: its header's size is not 1000. Export it again.")
    return fields, word


def _settle_space(file: FileBytes, fields: Any, space: Header | None, words: list[str]) -> None:
    """Refuse a header that does not say where voxels lie, or take it from `space`."""
    if not (reason := _why_no_space(fields)):
        return
    if space is None or space.affine is None or space.dimensions is None:
        raise TractogramError(SPACE_MISSING.format(path=file.path, reason=reason))
    sizes, theirs = fields["voxel_sizes"].astype(float), np.array(space.voxel_sizes, float)
    if (sizes > 0).all() and not np.allclose(sizes, theirs, rtol=SAME_VOXELS, atol=0):
        raise TractogramError(
            f"{file.path} has voxels of {_by(sizes)} mm, the reference of {_by(theirs)} mm. Give the image that it was "
            "tracked in with --reference."
        )
    fields["version"], fields["voxel_to_rasmm"] = 2, space.affine
    fields["voxel_sizes"], fields["dimensions"] = theirs, space.dimensions
    words.append(f"{file.path} does not say where its voxels lie: {reason}. The reference's affine is taken.")


def _by(sizes: np.ndarray) -> str:
    return " x ".join(f"{size:g}" for size in sizes)


def _why_no_space(fields: Any) -> str | None:
    from nibabel.orientations import aff2axcodes

    affine = fields["voxel_to_rasmm"]
    if fields["version"] == 1:
        return "its header is of version 1, which has no affine"
    if affine[3, 3] == 0:
        return "vox_to_ras is empty in its header"
    if not np.isfinite(affine).all() or None in aff2axcodes(affine):
        return "vox_to_ras is no affine in its header"
    if not ((fields["voxel_sizes"] > 0) & np.isfinite(fields["voxel_sizes"])).all():
        return "voxel_size is not positive in its header"
    return None


def _settle_order(file: FileBytes, fields: Any, words: list[str]) -> None:
    """Take an empty voxel order for TrackVis's default, and say where the order is not that of the affine."""
    from nibabel.orientations import aff2axcodes

    stored = bytes(fields["voxel_order"])
    order, fields["voxel_order"] = stored.decode("latin1"), stored.upper() or b"LPS"
    along = "".join(aff2axcodes(fields["voxel_to_rasmm"]))
    if fields["voxel_order"] != along.encode():
        stated = f"is {shown(order)}" if order else "is empty, which is LPS"
        words.append(
            f"{file.path}: voxel_order {stated}, and the affine's voxels run {along}. Points are taken in the order "
            "that the header states, as nibabel and DIPY take them."
        )


def _parts(names: np.ndarray, count: int, rest: str) -> dict[str, slice]:
    """Find where named values lie, by nibabel's rule; `rest` names those that the header does not."""
    from nibabel.streamlines.trk import decode_value_from_name

    if count < 0:
        raise ValueError(f"it announces {count} {rest}")
    parts, place = {}, 0
    for encoded in names if count else ():
        name, size = decode_value_from_name(encoded)
        if size:
            parts[name] = slice(place, place + size)
            place += size
    if place > count:
        raise ValueError(f"it names {place} {rest} and announces {count}")
    if place < count:
        parts[rest] = slice(place, count)
    return parts
