"""Tractograms that are written: empty, many at once, of any length, and what their formats cannot hold."""

import os
import resource
import tracemalloc

import numpy as np
import pytest
from dipy.io.streamline import load_tractogram

from parity_tests.tractography.files.libraries import COUNT, FORMATS, ULP, copied, read_by_library
from tractography.errors import TractogramError
from tractography.files.pieces import open_tractogram
from tractography.files.references import header_of
from tractography.files.streamlines import Streamlines
from tractography.writing.writers import open_writer


@pytest.mark.parametrize("suffix", FORMATS)
def test_empty_tractograms_are_written_and_read(suffix, files, tmp_path):
    with open_writer(tmp_path / f"b{suffix}", header_of(files[".nii.gz"])):
        pass
    file = open_tractogram(tmp_path / f"b{suffix}")
    assert file.count == 0
    assert len(file.read(0, 10)) == 0
    held = load_tractogram(str(file.path), str(files[".nii.gz"]), bbox_valid_check=False)
    assert len(held) == 0


@pytest.mark.parametrize("suffix", FORMATS)
def test_streamlines_without_points_keep_their_place(suffix, files, tmp_path):
    line = np.arange(6, dtype=np.float32).reshape(2, 3)
    with open_writer(tmp_path / f"b{suffix}", header_of(files[".nii.gz"])) as writer:
        writer.append(Streamlines(np.concatenate([line, line]), np.array([0, 2, 0, 0, 2, 0])))
    piece = open_tractogram(tmp_path / f"b{suffix}").read(0, 9)
    assert piece.lengths.tolist() == [0, 2, 0, 0, 2, 0]
    np.testing.assert_allclose(piece.points, [*line, *line], atol=ULP)
    assert piece.usable().tolist() == [False, True, False, False, True, False]


def test_integers_survive_or_are_refused(streamlines, files, tmp_path):
    header, large = header_of(files[".nii.gz"]), np.arange(COUNT) + 2**53
    with open_writer(tmp_path / "b.trx", header) as writer:
        writer.append(streamlines.with_data(ids=large))
    ids = open_tractogram(tmp_path / "b.trx").read(0, COUNT).per_streamline["ids"]
    assert ids.dtype == np.int64
    np.testing.assert_array_equal(ids[:, 0], large)
    np.testing.assert_array_equal(read_by_library(tmp_path / "b.trx").per_streamline["ids"][:, 0], large)
    with (
        pytest.raises(
            TractogramError, match="ids reaches 16777217, and its format keeps integers exactly up to 16777216"
        ),
        open_writer(tmp_path / "b.trk", header) as writer,
    ):
        writer.append(streamlines.with_data(ids=np.full(COUNT, writer.largest_integer + 1)))
    assert not (tmp_path / "b.trk").exists()


@pytest.mark.parametrize("suffix", FORMATS)
def test_nothing_is_left_of_a_file_after_an_error(suffix, streamlines, files, tmp_path):
    with pytest.raises(KeyError), open_writer(tmp_path / f"b{suffix}", header_of(files[".nii.gz"])) as writer:
        writer.append(streamlines)
        raise KeyError
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("suffix", FORMATS)
def test_many_files_are_written_at_once_with_few_handles(suffix, streamlines, files, tmp_path):
    header, piece = header_of(files[".nii.gz"]), streamlines.select(np.arange(3))
    limits = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (max(map(int, os.listdir("/dev/fd"))) + 6, limits[1]))
    try:
        writers = [open_writer(tmp_path / f"{number}{suffix}", header) for number in range(107)]
        for writer in writers * 2:
            writer.append(piece)
        for writer in writers:
            writer.close()
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, limits)
    assert len(list(tmp_path.iterdir())) == 107
    assert open_tractogram(tmp_path / f"106{suffix}").count == 6


@pytest.mark.parametrize("suffix", FORMATS)
def test_memory_does_not_grow_with_the_file(suffix, files, tmp_path):
    header, peaks = header_of(files[".nii.gz"]), []
    points = np.random.default_rng(0).normal(0, 30, (60 * 1000, 3)).astype(np.float32)
    piece = Streamlines(points, np.full(1000, 60), {}, {"ids": np.arange(1000)[:, None]})
    for pieces in (12, 40):  # three blocks of a scan, and ten
        source = tmp_path / f"{pieces}{suffix}"
        with open_writer(source, header) as writer:
            for _ in range(pieces):
                writer.append(piece)
        assert source.stat().st_size > pieces * 700_000
        copied(source, tmp_path / f"warm{suffix}", header, piece=1024)
        tracemalloc.start()
        copied(source, tmp_path / f"copy{suffix}", header, piece=1024)
        peaks.append(tracemalloc.get_traced_memory()[1])
        tracemalloc.stop()
    assert peaks[1] < 1.1 * peaks[0]


def test_tck_says_that_it_holds_no_data_and_refuses_points_that_end_streamlines(streamlines, files, tmp_path):
    points = streamlines.points.copy()
    points[int(streamlines.offsets[5])] = np.nan
    broken = Streamlines(points, streamlines.lengths)
    with (
        pytest.raises(TractogramError, match=r"b\.tck: streamline 5 of a piece holds a point of NaN"),
        open_writer(tmp_path / "b.tck", header_of(files[".nii.gz"])) as writer,
    ):
        assert not writer.holds_data
        writer.append(broken)
    with open_writer(tmp_path / "b.trk", header_of(files[".nii.gz"])) as writer:
        assert writer.holds_data
        writer.append(broken)
    usable = open_tractogram(tmp_path / "b.trk").read(0, COUNT).usable()
    np.testing.assert_array_equal(usable, broken.usable())
    assert not usable[5]


def test_nan_in_a_coordinate_of_a_tck_file_is_no_delimiter(streamlines, files, tmp_path):
    points = streamlines.points.copy()
    points[::50, 0] = np.nan
    with open_writer(tmp_path / "b.tck", header_of(files[".nii.gz"])) as writer:
        writer.append(Streamlines(points, streamlines.lengths))
    np.testing.assert_array_equal(open_tractogram(tmp_path / "b.tck").read(0, COUNT).points, points)


def test_pieces_with_other_data_do_not_go_into_one_file(streamlines, files, tmp_path):
    for suffix in (".trk", ".trx"):
        with open_writer(tmp_path / f"b{suffix}", header_of(files[".nii.gz"])) as writer:
            writer.append(streamlines)
            with pytest.raises(TractogramError, match=r"was begun with fa of points.*mean of streamlines; streamlines"):
                writer.append(streamlines.with_data(more=np.ones(COUNT)))
        assert open_tractogram(writer.path).count == COUNT


def test_names_that_a_format_cannot_hold_are_refused(streamlines, files, tmp_path):
    header = header_of(files[".nii.gz"])
    for suffix, data, message in (
        (".trk", {"a_name_of_more_than_20": np.ones(COUNT)}, "is too long"),
        (".trk", {f"v{number}": np.ones(COUNT) for number in range(11)}, "name 10 values of a property, not 13"),
        (".trx", {"mean.fa": np.ones(COUNT)}, "hold no data called mean.fa"),
    ):
        with (
            pytest.raises(TractogramError, match=message),
            open_writer(tmp_path / f"b{suffix}", header) as writer,
        ):
            writer.append(streamlines.with_data(**data))


@pytest.mark.parametrize("suffix", [".trk", ".trx"])
def test_files_with_a_space_are_not_written_without_one(suffix, files, tmp_path):
    header = open_tractogram(files[".tck"]).header
    message = "files say where their image's voxels lie, and TCK files do not. Give the image as a reference"
    with pytest.raises(TractogramError, match=message):
        open_writer(tmp_path / f"b{suffix}", header)
    with pytest.raises(TractogramError, match=r"a\.tck says nothing of an image space"):
        header_of(files[".tck"])
