"""Write TRK records, whole pieces at a time."""

from pathlib import Path
from typing import Any

import numpy as np

from tractography.errors import TractogramError
from tractography.files.headers import Header
from tractography.files.streamlines import Streamlines


class TrkEncoder:
    """Writes a TRK file: float32, little-endian, in voxel mm from the image's corner."""

    holds_data = True
    largest_integer = 2**24

    def __init__(self, path: Path, header: Header) -> None:
        from nibabel.streamlines.trk import get_affine_trackvis_to_rasmm

        self._path = path
        self._fields = _fields(header)
        affine = np.linalg.inv(get_affine_trackvis_to_rasmm(self._fields).astype(np.float64))
        self._matrix, self._shift = affine[:3, :3].T, affine[:3, 3]

    def start(self) -> None:
        """Write a header that announces nothing."""
        for name in ("nb_streamlines", "nb_scalars_per_point", "nb_properties_per_streamline"):
            self._fields[name] = 0
        self._fields["scalar_name"] = self._fields["property_name"] = b""
        self._path.write_bytes(self._fields.tobytes())

    def append(self, streamlines: Streamlines) -> None:
        """Write records."""
        if not any(self._fields["scalar_name"]) and not any(self._fields["property_name"]):
            self._name("scalar", "nb_scalars_per_point", streamlines.per_point)
            self._name("property", "nb_properties_per_streamline", streamlines.per_streamline)
        with self._path.open("ab") as file:
            file.write(self._encode(streamlines).data)

    def _name(self, kind: str, count: str, data: Any) -> None:
        """Note the names of data, and of how many values each is, by nibabel's rule."""
        from nibabel.streamlines.trk import encode_value_in_name

        widths = {name: values.shape[1] for name, values in data.items()}
        names = self._fields[f"{kind}_name"]
        try:
            encoded = [encode_value_in_name(width, name) for name, width in widths.items()]
        except ValueError as error:
            raise TractogramError(f"{self._path}: {error} Rename it, or write TRX.") from error
        if len(encoded) > len(names):
            raise TractogramError(
                f"{self._path}: TRK files name {len(names)} values of a {kind}, not {len(encoded)}: "
                f"{', '.join(widths)}. Drop some, or write TRX."
            )
        names[: len(encoded)] = encoded
        self._fields[count] = sum(widths.values())

    def _encode(self, streamlines: Streamlines) -> np.ndarray:
        """Lay out records: (word,), float32, with counts of points in their places as int32."""
        points = (streamlines.points @ self._matrix + self._shift).astype("<f4")
        if streamlines.per_point:
            points = np.concatenate([points, *streamlines.per_point.values()], axis=1, dtype="<f4", casting="unsafe")
        properties = [np.empty((len(streamlines), 0)), *streamlines.per_streamline.values()]
        properties = np.concatenate(properties, axis=1)
        stops = np.cumsum(streamlines.lengths * points.shape[1] + 1 + properties.shape[1])
        starts = np.concatenate([[0], stops[:-1]])
        words = np.empty(stops[-1], "<f4")
        is_point = np.ones(len(words), bool)
        ends = stops[:, None] + np.arange(-properties.shape[1], 0)
        is_point[starts] = is_point[ends] = False
        words[is_point] = points.ravel()
        words[ends] = properties
        words.view("<i4")[starts] = streamlines.lengths
        return words

    def finish(self, count: int) -> None:
        """Announce what was written; beyond what the header can say, that it does not say."""
        self._fields["nb_streamlines"] = count if count < 2**31 else 0
        with self._path.open("r+b") as file:
            file.write(self._fields.tobytes())

    def discard(self) -> None:
        """Remove the file."""
        self._path.unlink(missing_ok=True)


def _fields(header: Header) -> Any:
    """Make the header: the one that was read, or one of the space."""
    from nibabel.streamlines.trk import TrkFile, header_2_dtype

    dtype = header_2_dtype.newbyteorder("<")
    if header.trk:
        return np.frombuffer(bytearray(header.trk), dtype)[0]
    fields: Any = np.zeros(1, dtype)[0]
    for name, value in TrkFile.create_empty_header().items():
        fields[name] = value
    fields["voxel_to_rasmm"], fields["dimensions"] = header.affine, header.dimensions
    fields["voxel_sizes"], fields["voxel_order"] = header.voxel_sizes, header.voxel_order.encode("latin1")
    return fields
