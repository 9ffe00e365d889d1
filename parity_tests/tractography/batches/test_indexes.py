"""The index of a batch file: kept beside it, built again once the file is another."""

import os
import pickle
import shutil

import numpy as np
import pytest

from parity_tests.tractography.batches.layouts import contents, make
from tractography.batches.batches import draw_balanced, read_in_batches
from tractography.batches.packing import pack_batches
from tractography.batches.sources import BatchSource
from tractography.errors import BatchError


def test_the_index_is_kept_beside_the_file_and_used(tmp_path, monkeypatch):
    path = make(tmp_path / "batches.h5")
    BatchSource(path)
    assert sorted(os.listdir(tmp_path)) == ["batches.h5", "batches.h5.index.npz"]
    monkeypatch.setattr("tractography.batches.caches.scan_index", lambda path: pytest.fail("built again"))
    with BatchSource(path) as source:
        assert np.array_equal(source.read("train", np.arange(117)), contents(path))
        assert source.index.splits["train"].names == ("1", "10", "9", "empty", "ü")


def test_reading_once_leaves_no_index(tmp_path):
    path = make(tmp_path / "batches.h5")
    list(read_in_batches(path, "train", 16))
    draw_balanced(path, 4)
    BatchSource(path, keep_index=False)
    BatchSource(pack_batches(path, tmp_path / "packed.h5").path)
    assert sorted(os.listdir(tmp_path)) == ["batches.h5", "packed.h5"]


def test_where_the_folder_cannot_be_written_to_the_index_is_kept_in_the_users_cache(tmp_path, monkeypatch):
    path = make(tmp_path / "batches.h5")
    (tmp_path / "batches.h5.index.npz").mkdir()  # root may write into any folder, but not over this
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "caches"))
    BatchSource(path)
    assert len(list((tmp_path / "caches" / "porting" / "indexes").iterdir())) == 1
    with monkeypatch.context() as patched:
        patched.setattr("tractography.batches.caches.scan_index", lambda path: pytest.fail("built again"))
        BatchSource(path)
    (tmp_path / "full").write_bytes(b"")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "full"))
    assert np.array_equal(BatchSource(path).read("train", [3]), contents(path)[[3]])


@pytest.mark.parametrize("damage", [b"", b"no zip", "cut"])
def test_a_damaged_index_is_built_again(damage, tmp_path):
    path = make(tmp_path / "batches.h5")
    BatchSource(path)
    kept = tmp_path / "batches.h5.index.npz"
    whole = kept.read_bytes()
    kept.write_bytes(whole[:-200] if damage == "cut" else damage)
    assert np.array_equal(BatchSource(path).read("train", np.arange(117)), contents(path))
    assert len(kept.read_bytes()) == len(whole)


def test_a_file_that_was_written_anew_is_indexed_anew(tmp_path):
    path = make(tmp_path / "batches.h5")
    digest = BatchSource(path).digest
    make(path, {"train": {"a": 3, "b": 200}})
    with BatchSource(path) as source:
        assert source.index.splits["train"].names == ("a", "b")
        assert np.array_equal(source.read("train", np.arange(203)), contents(path))
        assert source.digest != digest


def test_a_file_of_the_same_size_and_time_with_other_content_is_noticed(tmp_path):
    path = make(tmp_path / "batches.h5", {"train": {"a": 70, "b": 20}})
    BatchSource(path)
    status = path.stat()
    make(path, {"train": {"a": 20, "b": 70}})
    assert path.stat().st_size == status.st_size
    os.utime(path, ns=(status.st_atime_ns, status.st_mtime_ns))
    assert BatchSource(path).index.splits["train"].sizes.tolist() == [20, 70]


def test_a_copy_has_the_digest_of_its_original(tmp_path):
    path = make(tmp_path / "batches.h5")
    shutil.copyfile(path, tmp_path / "copy.h5")
    assert BatchSource(path).digest == BatchSource(tmp_path / "copy.h5").digest


def test_a_file_that_shrank_after_it_was_indexed_is_refused(tmp_path):
    path = make(tmp_path / "batches.h5")
    BatchSource(path)
    os.truncate(path, 10_000)
    with pytest.raises(BatchError, match=r"batches.h5 shrank or changed under its index: it had .* and has 10,000 now"):
        BatchSource(path)


@pytest.mark.parametrize("packed", [False, True])
def test_a_file_that_shrinks_or_changes_while_it_is_read_is_refused(packed, tmp_path):
    path = make(tmp_path / "batches.h5")
    path = pack_batches(path, tmp_path / "packed.h5").path if packed else path
    source = BatchSource(path)
    source.read("train", [0])
    os.utime(path, (0, 0))
    with pytest.raises(BatchError, match="shrank or changed under its index"):
        source.read("train", [0])
    source = BatchSource(path)
    os.truncate(path, path.stat().st_size - 1000)
    with pytest.raises(BatchError, match=r"shrank or changed under its index.*\n.*start anew from the last checkpoint"):
        source.read("train", [0])


def test_a_process_that_is_handed_a_source_refuses_a_file_that_was_replaced(tmp_path):
    path = make(tmp_path / "batches.h5")
    handed = pickle.dumps(BatchSource(path))
    make(path, {"train": {"a": 3, "b": 200}})
    with pytest.raises(BatchError, match="shrank or changed under its index"):
        pickle.loads(handed)  # noqa: S301


def test_a_source_whose_file_is_replaced_goes_on_with_the_old_one(tmp_path):
    path = make(tmp_path / "batches.h5")
    expected, source = contents(path), BatchSource(path)
    os.replace(make(tmp_path / "new.h5", {"train": {"a": 3}}), path)
    assert np.array_equal(source.read("train", np.arange(117)), expected)
