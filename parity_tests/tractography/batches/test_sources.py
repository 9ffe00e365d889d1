"""Rows of a batch file, by row number: in any order and layout, by threads and processes."""

import multiprocessing
import os
from concurrent.futures import ThreadPoolExecutor

import h5py
import numpy as np
import pytest

from parity_tests.tractography.batches.layouts import LAYOUTS, POINTS, SIZES, contents, make
from tractography.batches import readers
from tractography.batches.batches import draw_balanced, inspect_batches, read_in_batches, write_batches
from tractography.batches.indexes import THROUGH_HDF5
from tractography.batches.packing import pack_batches
from tractography.batches.sources import BatchSource
from tractography.errors import BatchError


@pytest.mark.parametrize("storage", LAYOUTS.values(), ids=LAYOUTS)
def test_rows_are_those_that_hdf5_reads_in_any_order_and_layout(storage, tmp_path):
    path = make(tmp_path / "batches.h5", **storage)
    expected = contents(path)
    with BatchSource(path) as source:
        for rows in (np.arange(117), np.arange(117)[::-1], [5, 6, 7, 3, 3, 116, 0, 70], []):
            read = source.read("train", rows)
            assert read.dtype == np.float32
            assert np.array_equal(read, expected[np.asarray(rows, int)])


@pytest.mark.parametrize("storage", ["contiguous", "chunked"])
def test_plain_rows_are_read_by_their_offsets_and_others_through_hdf5(storage, tmp_path):
    direct = BatchSource(make(tmp_path / "direct.h5", **LAYOUTS[storage])).index.splits["train"]
    assert (direct.extent_offsets > 0).all()
    through = BatchSource(make(tmp_path / "through.h5", **LAYOUTS["compressed"])).index.splits["train"]
    assert (through.extent_offsets == THROUGH_HDF5).all()


def test_layouts_may_be_mixed_in_a_file(tmp_path):
    path = make(tmp_path / "batches.h5")
    with h5py.File(path, "a") as file:
        held = file["train/1/streamline"][:]
        del file["train/1/streamline"]
        file.create_dataset("train/1/streamline", data=held, **LAYOUTS["compressed"])
    with BatchSource(path) as source:
        assert {THROUGH_HDF5} < set(source.index.splits["train"].extent_offsets.tolist())
        assert np.array_equal(source.read("train", np.arange(117)[::-1]), contents(path)[::-1])


def test_a_user_block_before_the_file_does_not_move_the_rows(tmp_path):
    path = make(tmp_path / "batches.h5", userblock=1024)
    with BatchSource(path) as source:
        assert np.array_equal(source.read("train", np.arange(117)), contents(path))


def test_chunks_that_were_never_written_are_read_as_hdf5_does(tmp_path):
    path = tmp_path / "batches.h5"
    with h5py.File(path, "w") as file:
        stored = file.create_dataset("train/1/streamline", (40, POINTS, 3), "<f4", chunks=(8, POINTS, 3), fillvalue=7)
        stored[16:24] = 1
        file.create_dataset("train/2/streamline", (3, POINTS, 3), "<f4")
    assert np.array_equal(BatchSource(path).read("train", np.arange(43)), contents(path))


def test_the_cache_of_chunks_is_bounded(tmp_path, monkeypatch):
    path = make(tmp_path / "batches.h5", **LAYOUTS["compressed"])
    monkeypatch.setattr(readers, "CACHE_BYTES", 4 * 8 * POINTS * 12)
    source = BatchSource(path)
    assert np.array_equal(source.read("train", np.arange(117)), contents(path))
    stored = source._stored
    assert sum(block.nbytes for block in stored._blocks.values()) == stored._held <= readers.CACHE_BYTES


@pytest.mark.parametrize("storage", LAYOUTS.values(), ids=LAYOUTS)
def test_a_packed_file_holds_the_same_and_is_read_the_same(storage, tmp_path, monkeypatch):
    monkeypatch.setattr("tractography.batches.packing.BLOCK_BYTES", 30 * POINTS * 12)
    path = make(tmp_path / "batches.h5", **storage)
    held = pack_batches(path, tmp_path / "packed.h5")
    assert held.packed
    assert held.counts == inspect_batches(path).counts
    assert list(held.counts["train"]) == ["1", "10", "9", "empty", "ü"]
    with BatchSource(path) as source, BatchSource(held.path) as packed:
        for split in SIZES:
            rows = np.random.default_rng(1).integers(0, source.split(split).total, 50)
            assert np.array_equal(source.read(split, rows), packed.read(split, rows))
            assert source.labels(split, rows) == packed.labels(split, rows)
        assert packed.index.splits["train"].extent_offsets.size == 1
    with h5py.File(held.path) as file:
        assert file["train/streamlines"].dtype == np.dtype("<f4")
        assert np.array_equal(file["train/streamlines"][:], contents(path))


def test_what_reads_batches_reads_packed_ones(tmp_path):
    path = make(tmp_path / "batches.h5")
    packed = pack_batches(path, tmp_path / "packed.h5").path
    for one, other in zip(read_in_batches(path, "train", 16), read_in_batches(packed, "train", 16), strict=True):
        assert one[:2] == other[:2]
        assert np.array_equal(one[2], other[2])
    one, other = draw_balanced(path, 20, "train"), draw_balanced(packed, 20, "train")
    assert (one.classes, one.rows) == (other.classes, other.rows)
    assert np.array_equal(one.streamlines, other.streamlines)


def test_a_packed_file_may_be_packed_onto_itself_and_compressed_by_others(tmp_path):
    path = pack_batches(make(tmp_path / "batches.h5"), tmp_path / "packed.h5").path
    expected = BatchSource(path).read("train", np.arange(117))
    pack_batches(path, path, force=True)
    assert np.array_equal(BatchSource(path).read("train", np.arange(117)), expected)
    with h5py.File(path, "a") as file:
        del file["train/streamlines"]
        file.create_dataset("train/streamlines", data=expected, chunks=(10, POINTS, 3), compression="gzip")
    assert np.array_equal(BatchSource(path).read("train", np.arange(117)[::-1]), expected[::-1])


def test_labels_name_class_and_row(tmp_path):
    source = BatchSource(make(tmp_path / "batches.h5"))
    assert source.labels("train", [0, 39, 40, 110, 112]) == [("1", 0), ("1", 39), ("10", 0), ("9", 0), ("ü", 0)]
    with pytest.raises(IndexError, match="117"):
        source.read("train", [117])


def test_rows_that_end_before_they_are_complete_are_never_returned(tmp_path, monkeypatch):
    source = BatchSource(make(tmp_path / "batches.h5"))
    monkeypatch.delattr(os, "preadv")
    monkeypatch.setattr(os, "pread", lambda file, size, offset: b"")
    with pytest.raises(BatchError, match="shrank or changed"):
        source.read("train", [0])


@pytest.mark.parametrize("most", [1, 7, 200])
def test_reads_that_the_system_breaks_off_are_continued(most, tmp_path, monkeypatch):
    path, pread = make(tmp_path / "batches.h5"), os.pread
    source, expected = BatchSource(path), contents(path)
    monkeypatch.delattr(os, "preadv")
    monkeypatch.setattr(os, "pread", lambda file, size, offset: pread(file, min(size, most), offset))
    assert np.array_equal(source.read("train", [3, 4, 5, 80]), expected[[3, 4, 5, 80]])
    assert np.array_equal(source.read("train", np.arange(9)), expected[:9])


def test_reading_from_a_slow_disk_gives_the_same(tmp_path, monkeypatch):
    monkeypatch.setattr(readers, "SLOW", 0.0)
    monkeypatch.setattr(readers, "FAST", 0.0)
    path = make(tmp_path / "batches.h5")
    source = BatchSource(path)
    for _ in range(3):
        assert np.array_equal(source.read("train", [90, 4, 5, 80]), contents(path)[[90, 4, 5, 80]])
    assert source._bytes._slow


@pytest.mark.parametrize("storage", ["contiguous", "compressed"])
def test_threads_share_a_source(storage, tmp_path):
    path = make(tmp_path / "batches.h5", **LAYOUTS[storage])
    source, expected = BatchSource(path), contents(path)
    wanted = [np.random.default_rng(seed).integers(0, 117, 64) for seed in range(64)]
    with ThreadPoolExecutor(8) as pool:
        for rows, read in zip(wanted, pool.map(lambda rows: source.read("train", rows), wanted), strict=True):
            assert np.array_equal(read, expected[rows])


@pytest.mark.parametrize("storage", ["contiguous", "compressed"])
@pytest.mark.parametrize("start", ["fork", "spawn"])
def test_processes_share_a_source(storage, start, tmp_path):
    path = make(tmp_path / "batches.h5", **LAYOUTS[storage])
    source, expected = BatchSource(path), contents(path)
    source.read("train", [0])
    with multiprocessing.get_context(start).Pool(2) as pool:
        read = pool.starmap(source.read, [("train", [row, row + 50]) for row in range(20)])
        assert np.array_equal(source.read("train", [9]), expected[[9]])
    for row, rows in enumerate(read):
        assert np.array_equal(rows, expected[[row, row + 50]])


def test_a_fork_does_not_wait_for_what_a_thread_was_reading(tmp_path):
    path = make(tmp_path / "batches.h5", **LAYOUTS["compressed"])
    source, expected = BatchSource(path), contents(path)
    forking, (here, there) = multiprocessing.get_context("fork"), multiprocessing.Pipe()
    child = forking.Process(target=lambda: there.send(source.read("train", [9])))  # not pickled, as an argument is
    with source._stored._lock:
        child.start()
    answered = here.poll(20)
    child.kill()
    child.join()
    assert answered
    assert np.array_equal(here.recv(), expected[[9]])


def test_nan_is_refused_with_file_class_and_row(tmp_path):
    path = make(tmp_path / "batches.h5")
    with h5py.File(path, "a") as file:
        file["train/10/streamline"][33, 2, 1] = np.nan
        file["train/9/streamline"][1, 0, 0] = -np.inf
    source = BatchSource(path)
    source.read("train", [0, 1, 2])
    with pytest.raises(BatchError) as refusal:
        source.read("train", [5, 111, 73, 73])
    assert str(refusal.value) == (
        f"{path} cannot be used:\n  /train/10 row 33: NaN or infinite coordinates\n"
        "  /train/9 row 1: NaN or infinite coordinates\nRemove these streamlines and build the file again."
    )


def test_coordinates_whose_sum_overflows_are_no_nan(tmp_path):
    large = np.full((4, POINTS, 3), np.finfo(np.float32).max, np.float32)
    write_batches(tmp_path / "batches.h5", {"train": {"a": large}})
    assert np.array_equal(BatchSource(tmp_path / "batches.h5").read("train", np.arange(4)), large)


def test_a_missing_file_or_split_is_refused_by_name(tmp_path):
    with pytest.raises(BatchError, match="No batch file at .*gone.h5"):
        BatchSource(tmp_path / "gone.h5")
    with pytest.raises(BatchError, match="has no streamlines in split thres; it has some in test, train"):
        BatchSource(make(tmp_path / "batches.h5")).read("thres", [0])
