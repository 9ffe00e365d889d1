"""What nibabel and trx-python read of a tractogram, and copies of one, to hold ours against."""

import nibabel as nib
import numpy as np
from trx import trx_file_memmap

from tractography.files.pieces import open_tractogram
from tractography.files.streamlines import Streamlines
from tractography.writing.writers import open_writer

COUNT = 700
FORMATS = (".trk", ".tck", ".trx")
DIMENSIONS = (91, 109, 91)
AFFINE = np.array([[-1.9, 0.2, 0, 90], [0.25, 1.6, 0.4, -126], [0, -0.5, 2.4, -72], [0, 0, 0, 1]], np.float32)
ULP = 128 * np.finfo(np.float32).eps
"""Between neighbouring float32 numbers from 128 to 256, mm."""


def read_by_library(path):
    """What nibabel or trx-python reads."""
    if path.suffix != ".trx":
        tractogram = nib.streamlines.load(str(path)).tractogram
        lines, per_point, per_streamline = (
            tractogram.streamlines,
            tractogram.data_per_point,
            tractogram.data_per_streamline,
        )
        return collected(lines, per_point, per_streamline)
    packed = trx_file_memmap.load(str(path))
    read = collected(packed.streamlines, packed.data_per_vertex, packed.data_per_streamline)
    packed.close()
    return read


def collected(lines, per_point, per_streamline):
    return Streamlines(
        np.array(lines.get_data()).reshape(-1, 3),
        np.array([len(line) for line in lines]),
        {name: np.array(values.get_data()) for name, values in per_point.items()},
        {name: np.array(values) for name, values in per_streamline.items()},
    )


def assert_same(ours, theirs, tolerance=0.0):
    np.testing.assert_array_equal(ours.lengths, theirs.lengths)
    np.testing.assert_allclose(ours.points, theirs.points, rtol=0, atol=tolerance)
    for mine, others in ((ours.per_point, theirs.per_point), (ours.per_streamline, theirs.per_streamline)):
        assert set(mine) == set(others)
        for name, values in mine.items():
            np.testing.assert_array_equal(values, others[name].astype(values.dtype))


def copied(source, path, header=None, piece=90):
    with open_tractogram(source) as file, open_writer(path, header or file.header) as writer:
        for first in range(0, file.count, piece):
            writer.append(file.read(first, first + piece))
    return path
