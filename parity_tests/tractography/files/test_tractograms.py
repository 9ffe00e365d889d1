import os

import nibabel as nib
import numpy as np
import pytest
from nibabel.streamlines import Tractogram

from tractography.errors import TractogramError
from tractography.files.dipy_bundles import extract_minimal_bundles
from tractography.files.formats import find_tractograms
from tractography.files.tractograms import Skips, read_resampled, read_streamlines, resample


@pytest.fixture
def lines():
    generator = np.random.default_rng(0)
    return [np.cumsum(generator.normal(size=(count, 3)), axis=0).astype(np.float32) for count in (12, 30, 7)]


def saved(lines, path):
    if path.suffix == ".trx":
        from trx.trx_file_memmap import TrxFile, save

        reference = nib.Nifti1Image(np.zeros((5, 5, 5), np.uint8), np.eye(4))
        file = TrxFile.from_tractogram(Tractogram(lines, affine_to_rasmm=np.eye(4)), reference=reference)
        save(file, str(path))
        file.close()
    else:
        affine = np.diag([2.0, 2.0, 2.0, 1.0])
        header = {"voxel_to_rasmm": affine, "voxel_sizes": (2, 2, 2), "dimensions": (9, 9, 9)}
        keywords = {"header": header} if path.suffix == ".trk" else {}
        nib.streamlines.save(Tractogram(lines, affine_to_rasmm=np.eye(4)), str(path), **keywords)
    return path


@pytest.mark.parametrize("suffix", [".trk", ".tck", ".trx"])
def test_streamlines_are_read_in_ras_millimetres(suffix, lines, tmp_path):
    read = read_streamlines(saved(lines, tmp_path / f"bundle{suffix}"))
    assert [len(line) for line in read] == [12, 30, 7]
    for line, original in zip(read, lines, strict=True):
        assert line.dtype == np.float32
        np.testing.assert_allclose(line, original, atol=1e-2 if suffix == ".trx" else 1e-5)


def test_resampling_keeps_the_ends_and_spaces_points_equally(lines):
    resampled = resample(lines, 256)
    assert resampled.shape == (3, 256, 3)
    assert resampled.dtype == np.float32
    for line, original in zip(resampled, lines, strict=True):
        np.testing.assert_allclose(line[[0, -1]], original[[0, -1]], atol=1e-5)
    straight = resample([np.array([[0, 0, 0], [1, 0, 0], [10, 0, 0]], np.float32)], 11)
    np.testing.assert_allclose(straight[0, :, 0], np.arange(11), atol=1e-5)


def test_streamlines_of_one_point_are_refused_by_index(lines):
    with pytest.raises(TractogramError, match="AF_L.trk: 2 streamlines have fewer than two points: 1, 3. Remove them"):
        resample([lines[0], lines[0][:1], lines[1], lines[1][:0]], 256, "AF_L.trk")


def test_no_streamlines_are_refused():
    with pytest.raises(TractogramError, match="empty.trk: no streamlines"):
        resample([], 256, "empty.trk")


@pytest.mark.parametrize("suffix", [".trk", ".tck", ".trx"])
@pytest.mark.parametrize("share", [0.0, 0.3, 0.9])
def test_a_truncated_tractogram_is_refused_by_name(suffix, share, lines, tmp_path):
    path = saved(lines, tmp_path / f"bundle{suffix}")
    os.truncate(path, int(path.stat().st_size * share))
    with pytest.raises(TractogramError, match=f"bundle{suffix}"):
        read_streamlines(path)


def test_streamlines_that_cannot_be_resampled_are_left_out_and_counted(lines, tmp_path):
    lines[1][4, 2] = np.nan
    path, skips = saved(lines, tmp_path / "bundle.trk"), Skips()
    assert [len(line) for line in read_streamlines(path)] == [12, 7]
    assert [len(piece) for piece in read_resampled(path, 16, skips)] == [2]
    assert skips.counts == {"bundle.trk": 1}


def test_tractograms_are_found_in_folders_at_any_depth(lines, tmp_path):
    (tmp_path / "sub-1").mkdir()
    paths = [saved(lines, tmp_path / "sub-1" / "b.trk"), saved(lines, tmp_path / "sub-1" / "a.tck")]
    (tmp_path / "notes.txt").write_text("no tractogram")
    assert find_tractograms([tmp_path]) == sorted(paths)
    assert find_tractograms(paths) == paths


@pytest.mark.parametrize(
    ("name", "words"), [("gone.trk", "no such file"), ("a.nii", "must end in"), ("empty", "No tractogram in")]
)
def test_other_paths_are_refused(name, words, tmp_path):
    (tmp_path / "empty").mkdir()
    (tmp_path / "a.nii").write_text("")
    with pytest.raises(TractogramError, match=words):
        find_tractograms([tmp_path / name])


def test_dipys_wheel_brings_750_labelled_streamlines(tmp_path):
    paths = extract_minimal_bundles(tmp_path)
    assert len(paths) == 15
    assert {path.stem for path in paths} == {"AF_L", "CST_R", "CC_ForcepsMajor"}
    assert sum(len(read_streamlines(path)) for path in paths) == 750
