import json
import os
import pickle
import resource
import tracemalloc
import zipfile
from concurrent.futures import ThreadPoolExecutor

import dipy.data
import nibabel as nib
import numpy as np
import pytest
from dipy.io.streamline import load_tractogram
from nibabel.streamlines import Tractogram
from nibabel.streamlines.array_sequence import ArraySequence
from trx import trx_file_memmap

from tractography.errors import TractogramError
from tractography.files.dipy_bundles import extract_minimal_bundles
from tractography.files.pieces import open_tractogram
from tractography.files.references import header_of
from tractography.files.streamlines import Streamlines
from tractography.writing.writers import open_writer

COUNT = 700
FORMATS = (".trk", ".tck", ".trx")
DIMENSIONS = (91, 109, 91)
AFFINE = np.array([[-1.9, 0.2, 0, 90], [0.25, 1.6, 0.4, -126], [0, -0.5, 2.4, -72], [0, 0, 0, 1]], np.float32)
ULP = 128 * np.finfo(np.float32).eps
"""Between neighbouring float32 numbers from 128 to 256, mm."""


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


@pytest.mark.parametrize("suffix", FORMATS)
def test_ranges_are_what_libraries_read(suffix, files):
    whole = read_by_library(files[suffix])
    file = open_tractogram(files[suffix])
    assert file.count == COUNT
    for first, stop in ((0, COUNT), (0, 1), (255, 257), (256, 512), (699, 700), (300, 300), (700, 700), (512, 9999)):
        assert_same(file.read(first, stop), whole.select(np.arange(first, min(stop, COUNT))))


@pytest.mark.parametrize("suffix", FORMATS)
def test_another_process_reads_its_range_by_the_index(suffix, files):
    file = open_tractogram(files[suffix])
    handed = pickle.loads(pickle.dumps(file))  # noqa: S301
    indexed = open_tractogram(files[suffix], index=file.index())
    assert handed.count == indexed.count == COUNT
    for other in (handed, indexed):
        assert_same(other.read(400, 600), file.read(400, 600))


def test_an_index_is_used_without_a_scan(files, tmp_path):
    path = tmp_path / "a.trk"
    content = bytearray(files[".trk"].read_bytes())
    index = open_tractogram(files[".trk"]).index()
    content[1000:1004] = b"\xff" * 4
    path.write_bytes(content)
    assert len(open_tractogram(path, index=index).read(300, 600)) == 300
    with pytest.raises(TractogramError, match=r"a\.trk is broken: a streamline of -1 points"):
        open_tractogram(path)


@pytest.mark.parametrize("suffix", FORMATS)
def test_threads_share_a_file(suffix, files):
    file = open_tractogram(files[suffix])
    with ThreadPoolExecutor(4) as threads:
        pieces = list(threads.map(file.read, range(0, COUNT, 7), range(7, COUNT + 7, 7)))
    np.testing.assert_array_equal(np.concatenate([piece.points for piece in pieces]), file.read(0, COUNT).points)


@pytest.mark.parametrize("target", FORMATS)
@pytest.mark.parametrize("source", FORMATS)
def test_copies_between_formats_keep_points_and_data(source, target, files, tmp_path):
    header = header_of(files[".nii.gz"]) if source == ".tck" else None
    path = copied(files[source], tmp_path / f"b{target}", header)
    original = read_by_library(files[source])
    if target == ".tck":
        original = Streamlines(original.points, original.lengths)
    tolerance = 2 * ULP if target == ".trk" else 0
    assert_same(open_tractogram(path).read(0, COUNT), original, tolerance)
    assert_same(read_by_library(path), original, tolerance)
    reference = str(files[".nii.gz"]) if target == ".tck" else "same"
    held = load_tractogram(str(path), reference, bbox_valid_check=False)
    assert_same(collected(held.streamlines, held.data_per_point, held.data_per_streamline), original, tolerance)
    if target != ".tck":
        np.testing.assert_allclose(held.affine, AFFINE, atol=1e-6)
        assert tuple(held.dimensions) == DIMENSIONS


def test_a_copied_trk_file_differs_in_the_last_place_of_coordinates_alone(files, tmp_path):
    copy, original = (path.read_bytes() for path in (copied(files[".trk"], tmp_path / "b.trk"), files[".trk"]))
    assert copy[:1000] == original[:1000]
    assert len(copy) == len(original)
    differing = np.frombuffer(copy, "<i4") != np.frombuffer(original, "<i4")
    values = [np.frombuffer(content, "<f4")[differing] for content in (copy, original)]
    np.testing.assert_allclose(*values, rtol=0, atol=2 * ULP)


def test_a_trk_file_of_a_plain_grid_is_copied_to_the_last_place(tmp_path):
    path = dipy.data.get_fnames(name="fornix")
    copy = copied(path, tmp_path / "b.trk", piece=70)
    assert_same(read_by_library(copy), read_by_library(open_tractogram(path).path), ULP / 8)
    again = copied(copy, tmp_path / "c.trk", piece=70)
    assert_same(read_by_library(again), read_by_library(copy))


def test_real_bundles_are_read_as_nibabel_reads_them(tmp_path):
    for path in extract_minimal_bundles(tmp_path):
        file = open_tractogram(path)
        assert_same(file.read(0, file.count), read_by_library(path))


def test_headers_are_kept(files, tmp_path):
    tck = open_tractogram(copied(files[".tck"], tmp_path / "b.tck")).header
    assert {("method", "iFOD2"), ("roi", "seed a.mif")} <= set(tck.tck)
    copy = nib.streamlines.load(str(tmp_path / "b.tck")).header
    assert (copy["method"], int(copy["count"]), copy["nb_streamlines"]) == ("iFOD2", COUNT, COUNT)
    packed = copied(files[".trx"], tmp_path / "b.trx")
    ours, theirs = (json.loads(zipfile.ZipFile(path).read("header.json")) for path in (packed, files[".trx"]))
    assert ours == theirs
    assert {info.compress_type for info in zipfile.ZipFile(packed).infolist()} == {zipfile.ZIP_STORED}


def test_repeated_fields_and_colons_of_mrtrix_are_kept(files, tmp_path):
    _, points = files[".tck"].read_bytes().split(b"END\n", 1)
    head = b"mrtrix tracks\nroi: seed a.mif\nroi: include c:b.mif\ndatatype: Float32LE\n"
    head += b"total_count: 9000\ntimestamp: 1.5\n"
    (tmp_path / "a.tck").write_bytes(head + b"count: 700\nfile: . 200\nEND\n".ljust(200 - len(head), b"#") + points)
    file = open_tractogram(copied(tmp_path / "a.tck", tmp_path / "b.tck"))
    assert file.header.tck == (
        ("roi", "seed a.mif"),
        ("roi", "include c:b.mif"),
        ("total_count", "9000"),
        ("timestamp", "1.5"),
    )
    assert_same(file.read(0, COUNT), read_by_library(files[".tck"]))


def test_trk_files_of_the_other_byte_order_are_read(files, tmp_path):
    content, path = files[".trk"].read_bytes(), tmp_path / "swapped.trk"
    dtype = nib.streamlines.trk.header_2_dtype
    header = np.frombuffer(content, dtype, 1).astype(dtype.newbyteorder(">")).tobytes()
    path.write_bytes(header + np.frombuffer(content[1000:], "<i4").byteswap().tobytes())
    assert_same(open_tractogram(path).read(200, 600), read_by_library(path).select(np.arange(200, 600)))
    assert copied(path, tmp_path / "b.trk").read_bytes() == copied(files[".trk"], tmp_path / "c.trk").read_bytes()


@pytest.mark.parametrize(("datatype", "dtype"), [("Float32BE", ">f4"), ("Float64LE", "<f8"), ("Float64BE", ">f8")])
def test_tck_files_of_all_datatypes_are_read(datatype, dtype, files, tmp_path):
    head, points = files[".tck"].read_bytes().split(b"END\n", 1)
    path = tmp_path / "a.tck"
    points = np.frombuffer(points, "<f4").astype(dtype).tobytes()
    path.write_bytes(head.replace(b"Float32LE", datatype.encode()) + b"END\n" + points)
    assert_same(open_tractogram(path).read(0, COUNT), read_by_library(files[".tck"]))


def test_trk_files_that_do_not_say_their_count_are_read_to_the_end(files, tmp_path):
    content = bytearray(files[".trk"].read_bytes())
    content[988:992] = bytes(4)
    (tmp_path / "a.trk").write_bytes(content)
    assert open_tractogram(tmp_path / "a.trk").count == COUNT


def test_values_without_a_name_are_called_as_nibabel_calls_them(files, tmp_path):
    content = bytearray(files[".trk"].read_bytes())
    content[38:238] = bytes(200)
    content[240:440] = bytes(200)
    (tmp_path / "a.trk").write_bytes(content)
    piece = open_tractogram(tmp_path / "a.trk").read(0, COUNT)
    assert piece.per_point["scalars"].shape[1] == 4
    assert piece.per_streamline["properties"].shape[1] == 3
    assert_same(piece, read_by_library(tmp_path / "a.trk"))


@pytest.mark.parametrize("compression", [zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED])
def test_trx_files_of_half_precision_and_compressed_ones_are_read(compression, streamlines, files, tmp_path):
    tractogram = Tractogram(ArraySequence(streamlines.split()), affine_to_rasmm=np.eye(4))
    types = {"positions": np.float16, "offsets": np.uint32, "dpv": {}, "dps": {}}
    packed = trx_file_memmap.TrxFile.from_tractogram(tractogram, nib.load(files[".nii.gz"]), dtype_dict=types)
    trx_file_memmap.save(packed, str(tmp_path / "a.trx"), compression_standard=compression)
    packed.close()
    piece = open_tractogram(tmp_path / "a.trx").read(100, 300)
    assert piece.points.dtype == np.float32
    expected = streamlines.select(np.arange(100, 300))
    np.testing.assert_array_equal(piece.points, expected.points.astype(np.float16).astype(np.float32))


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


def test_a_reference_is_an_image_or_a_tractogram(files, tmp_path):
    image, trk, trx = (header_of(files[suffix]) for suffix in (".nii.gz", ".trk", ".trx"))
    for header in (image, trk, trx):
        np.testing.assert_allclose(header.affine, AFFINE, rtol=1e-6)
        assert header.dimensions == DIMENSIONS
    (tmp_path / "a.nii").write_bytes(b"no image")
    for path, message in ((tmp_path / "b.nii", "no such file"), (tmp_path / "a.nii", "is no reference")):
        with pytest.raises(TractogramError, match=message):
            header_of(path)


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
