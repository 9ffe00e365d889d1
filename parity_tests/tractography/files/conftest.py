import nibabel as nib
import numpy as np
import pytest
from nibabel.streamlines import Tractogram
from nibabel.streamlines.array_sequence import ArraySequence
from trx import trx_file_memmap

from parity_tests.tractography.files.libraries import AFFINE, COUNT, DIMENSIONS, FORMATS
from tractography.files.streamlines import Streamlines


@pytest.fixture(scope="module")
def streamlines():
    """Between one and 40 points each, within 200 mm."""
    generator = np.random.default_rng(11)
    lengths = generator.integers(1, 40, COUNT)
    points = (generator.normal(0, 2, (lengths.sum(), 3)).cumsum(axis=0) % 150).astype(np.float32)
    per_point = {"fa": generator.random((len(points), 1), np.float32), "rgb": generator.random((len(points), 3))}
    ids = np.arange(COUNT)[:, None] + 2**24 - COUNT
    per_streamline = {"ids": ids, "mean": generator.random((COUNT, 2))}
    return Streamlines(
        points, lengths, {name: values.astype(np.float32) for name, values in per_point.items()}, per_streamline
    )


@pytest.fixture(scope="module")
def files(streamlines, tmp_path_factory):
    """The same streamlines, written by nibabel and by trx-python."""
    folder = tmp_path_factory.mktemp("files")
    sequence = ArraySequence(streamlines.split())
    tractogram = Tractogram(sequence, affine_to_rasmm=np.eye(4))
    nib.streamlines.save(tractogram, str(folder / "a.tck"), header={"method": "iFOD2", "roi": "seed a.mif"})
    for name, values in streamlines.per_point.items():
        tractogram.data_per_point[name] = np.split(values, np.cumsum(streamlines.lengths)[:-1])
    tractogram.data_per_streamline.update(streamlines.per_streamline)
    header = {"voxel_to_rasmm": AFFINE, "dimensions": DIMENSIONS, "voxel_order": b"LAS"}
    header |= {"voxel_sizes": nib.affines.voxel_sizes(AFFINE), "pad2": b"abc", "image_orientation_patient": [1] * 6}
    nib.streamlines.save(tractogram, str(folder / "a.trk"), header=header)
    reference = nib.Nifti1Image(np.zeros(DIMENSIONS, np.uint8), AFFINE)
    nib.save(reference, folder / "a.nii.gz")
    types = {"positions": np.float32, "offsets": np.uint64, "dpv": {}, "dps": {"ids": np.int64}}
    packed = trx_file_memmap.TrxFile.from_tractogram(tractogram, reference, dtype_dict=types)
    trx_file_memmap.save(packed, str(folder / "a.trx"))
    packed.close()
    return {".nii.gz": folder / "a.nii.gz"} | {suffix: folder / f"a{suffix}" for suffix in FORMATS}
