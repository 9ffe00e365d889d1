"""Tractograms that are refused: cut off, without a space, changed, or none at all."""

import os

import numpy as np
import pytest

from parity_tests.tractography.files.libraries import COUNT, FORMATS, copied
from tractography.errors import TractogramError
from tractography.files.pieces import open_tractogram
from tractography.files.references import header_of
from tractography.writing.writers import open_writer


@pytest.mark.parametrize("suffix", FORMATS)
def test_truncated_files_are_refused(suffix, files, tmp_path):
    content, path = files[suffix].read_bytes(), tmp_path / f"a{suffix}"
    for size in (len(content) - 1, len(content) - 4, len(content) // 2, 1100, 300, 0):
        path.write_bytes(content[:size])
        with pytest.raises(TractogramError, match=rf"a{suffix}.*(truncated|does not start with)"):
            open_tractogram(path)


def test_fewer_streamlines_than_announced_are_refused(files, tmp_path):
    content = bytearray(files[".trk"].read_bytes())
    content[988:992] = (COUNT + 1).to_bytes(4, "little")
    (tmp_path / "a.trk").write_bytes(content)
    with pytest.raises(TractogramError, match="announces 701 streamlines, it holds 700"):
        open_tractogram(tmp_path / "a.trk")
    content = files[".tck"].read_bytes().replace(b"count: 0000000700", b"count: 0000000701")
    (tmp_path / "a.tck").write_bytes(content)
    with pytest.raises(TractogramError, match="announces 701 streamlines, it holds 700"):
        open_tractogram(tmp_path / "a.tck")


def test_trk_files_without_a_space_are_refused_with_the_remedy(files, tmp_path):
    for place, content, reason in (
        (992, (1).to_bytes(4, "little"), "its header is of version 1"),
        (440, bytes(64), "vox_to_ras is empty"),
        (440, bytes(60) + np.float32(1).tobytes(), "vox_to_ras is no affine"),
        (12, bytes(12), "voxel_size is not positive"),
    ):
        changed = bytearray(files[".trk"].read_bytes())
        changed[place : place + len(content)] = content
        (tmp_path / "a.trk").write_bytes(changed)
        with pytest.raises(
            TractogramError, match=f"a.trk does not say where its voxels lie: {reason}.*save_tractogram"
        ):
            open_tractogram(tmp_path / "a.trk")


def test_what_is_no_tractogram_is_refused(files, tmp_path):
    for suffix in FORMATS:
        (tmp_path / f"a{suffix}").write_bytes(b"no tractogram" * 200)
        with pytest.raises(TractogramError, match=f"a{suffix} is no {suffix[1:].upper()} file"):
            open_tractogram(tmp_path / f"a{suffix}")
    with pytest.raises(TractogramError, match="no such file"):
        open_tractogram(tmp_path / "b.trk")
    with pytest.raises(TractogramError, match="name must end in"):
        open_tractogram(files[".nii.gz"])
    with pytest.raises(TractogramError, match="name must end in"):
        open_writer(tmp_path / "b.vtk", header_of(files[".nii.gz"]))


def test_files_that_changed_since_they_were_indexed_are_refused(files, tmp_path):
    path = copied(files[".trk"], tmp_path / "b.trk")
    file = open_tractogram(path)
    os.truncate(path, 5000)
    with pytest.raises(TractogramError, match="has become shorter"):
        file.read(0, COUNT)
    with pytest.raises(TractogramError, match="it has changed"):
        open_tractogram(path, index=file.index())
