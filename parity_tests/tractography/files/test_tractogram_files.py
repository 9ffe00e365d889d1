"""Tractograms that others wrote: read by ranges, and copied from format to format."""

import json
import pickle
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

from parity_tests.tractography.files.libraries import (
    AFFINE,
    COUNT,
    DIMENSIONS,
    FORMATS,
    ULP,
    assert_same,
    collected,
    copied,
    read_by_library,
)
from tractography.errors import TractogramError
from tractography.files.dipy_bundles import extract_minimal_bundles
from tractography.files.pieces import open_tractogram
from tractography.files.references import header_of
from tractography.files.streamlines import Streamlines


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


def test_a_reference_is_an_image_or_a_tractogram(files, tmp_path):
    image, trk, trx = (header_of(files[suffix]) for suffix in (".nii.gz", ".trk", ".trx"))
    for header in (image, trk, trx):
        np.testing.assert_allclose(header.affine, AFFINE, rtol=1e-6)
        assert header.dimensions == DIMENSIONS
    (tmp_path / "a.nii").write_bytes(b"no image")
    for path, message in ((tmp_path / "b.nii", "no such file"), (tmp_path / "a.nii", "is no reference")):
        with pytest.raises(TractogramError, match=message):
            header_of(path)
