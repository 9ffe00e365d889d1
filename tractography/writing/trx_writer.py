"""Write the arrays of a TRX file, whole pieces at a time, and pack them at the end."""

import json
import os
import shutil
import zipfile
from pathlib import Path

import numpy as np

from tractography.errors import TractogramError
from tractography.files.headers import Header
from tractography.files.streamlines import Streamlines


class TrxEncoder:
    """Writes a TRX file: positions in float32, data in their own types.

    The arrays grow in a hidden folder beside the file; packing them needs the room of the file once more.
    """

    holds_data = True
    largest_integer = 2**63 - 1

    def __init__(self, path: Path, header: Header) -> None:
        self._path, self._header, self._points = path, header, 0
        self._folder = path.with_name(f".{path.name}.arrays-{os.getpid()}")

    def start(self) -> None:
        """Make the folder, and the arrays that every TRX file has."""
        shutil.rmtree(self._folder, ignore_errors=True)
        self._folder.mkdir()
        (self._folder / "positions.3.float32").touch()
        (self._folder / "offsets.uint64").touch()

    def append(self, streamlines: Streamlines) -> None:
        """Write rows of every array."""
        self._write("positions", streamlines.points.astype("<f4", copy=False))
        self._write("offsets", (self._points + streamlines.offsets).astype("<u8")[:, None])
        for folder, data in (("dpv", streamlines.per_point), ("dps", streamlines.per_streamline)):
            for name, values in data.items():
                if "." in name or "/" in name:
                    raise TractogramError(f"{self._path}: TRX files hold no data called {name}. Rename it.")
                self._write(f"{folder}/{name}", values)
        self._points += len(streamlines.points)

    def _write(self, name: str, values: np.ndarray) -> None:
        """Write rows, (row, value), behind those before, in a file named by trx-python's rule."""
        dtype = "bit" if values.dtype == bool else values.dtype.name
        width = f".{values.shape[1]}" if values.shape[1] > 1 else ""
        path = self._folder / f"{name}{width}.{dtype}"
        path.parent.mkdir(exist_ok=True)
        with path.open("ab") as file:
            file.write(np.ascontiguousarray(values, values.dtype.newbyteorder("<")).data)

    def finish(self, count: int) -> None:
        """Pack the arrays, uncompressed, and remove them."""
        self._write("offsets", np.array([[self._points]], "<u8"))
        header = {
            "DIMENSIONS": list(self._header.dimensions or ()),
            "VOXEL_TO_RASMM": np.asarray(self._header.affine, np.float64).tolist(),
            "NB_VERTICES": self._points,
            "NB_STREAMLINES": count,
        }
        (self._folder / "header.json").write_text(json.dumps(header))
        _pack(self._folder, self._path)
        shutil.rmtree(self._folder)

    def discard(self) -> None:
        """Remove the arrays and the file."""
        shutil.rmtree(self._folder, ignore_errors=True)
        self._path.unlink(missing_ok=True)


def _pack(folder: Path, path: Path) -> None:
    """Write a folder's files, uncompressed, to an archive that is the same whenever it is written."""
    with zipfile.ZipFile(path, "w") as archive:
        for file in sorted(held for held in folder.rglob("*") if held.is_file()):
            info = zipfile.ZipInfo(file.relative_to(folder).as_posix())  # of 1980, and not of today
            info.external_attr, info.file_size = 0o644 << 16, file.stat().st_size
            with file.open("rb") as content, archive.open(info, "w") as packed:
                shutil.copyfileobj(content, packed, 1 << 20)
