import h5py
import numpy as np
import pytest

from tractography.batches.batches import draw_balanced, inspect_batches, read_in_batches, write_batches
from tractography.errors import BatchError


def streamlines(count, fill=0.0, points=16):
    return np.full((count, points, 3), fill, np.float32) + np.arange(count, dtype=np.float32)[:, None, None]


@pytest.fixture
def batches(tmp_path):
    classes = {"10": streamlines(5), "9": streamlines(2, 100), "1": streamlines(40, 200)}
    return write_batches(tmp_path / "batches.h5", {"train": classes, "test": {"9": streamlines(3)}})


def test_the_layout_is_the_published_one(batches):
    with h5py.File(batches.path) as file:
        assert set(file) == {"train", "test"}
        assert list(file["train"]) == ["1", "10", "9"]
        stored = file["train/10/streamline"]
        assert stored.shape == (5, 16, 3)
        assert stored.dtype == np.dtype("<f4")


def test_what_a_file_holds_is_told(batches):
    held = inspect_batches(batches.path)
    assert held.point_count == 16
    assert held.counts == {"train": {"1": 40, "10": 5, "9": 2}, "test": {"9": 3}}
    assert (held.total("train"), held.total("thres")) == (47, 0)


def test_a_split_is_read_in_batches_of_one_class(batches):
    read = list(read_in_batches(batches.path, "train", 16))
    assert [(name, row, len(rows)) for name, row, rows in read] == [
        ("1", 0, 16),
        ("1", 16, 16),
        ("1", 32, 8),
        ("10", 0, 5),
        ("9", 0, 2),
    ]
    assert np.array_equal(np.concatenate([rows for name, _, rows in read if name == "1"]), streamlines(40, 200))


def test_a_draw_is_balanced_over_the_classes_and_without_repetition(batches):
    drawn = draw_balanced(batches.path, 12, split="train")
    counts = {name: drawn.classes.count(name) for name in set(drawn.classes)}
    assert counts == {"1": 5, "10": 5, "9": 2}
    assert len(set(zip(drawn.classes, drawn.rows, strict=True))) == 12
    base = {"10": 0, "9": 100, "1": 200}
    for name, row, streamline in zip(drawn.classes, drawn.rows, drawn.streamlines, strict=True):
        assert streamline[0, 0] == base[name] + row


def test_a_draw_repeats_with_its_seed_and_not_with_another(batches):
    one, same, other = (draw_balanced(batches.path, 9, "train", seed) for seed in (1, 1, 2))
    assert np.array_equal(one.streamlines, same.streamlines)
    assert not np.array_equal(one.streamlines, other.streamlines)


def test_a_draw_of_more_than_there_are_is_all_of_them(batches):
    assert len(draw_balanced(batches.path, 1000, "train").streamlines) == 47


def test_a_draw_of_fewer_than_there_are_classes_takes_one_of_some(batches):
    assert len(set(draw_balanced(batches.path, 2, "train").classes)) == 2


def test_the_test_split_is_drawn_from_first(batches):
    assert draw_balanced(batches.path, 2).source == "batches.h5, test split, 1 classes"


def test_a_split_without_streamlines_is_refused(batches):
    with pytest.raises(BatchError, match="has no streamlines in split thres; it has some in test, train"):
        draw_balanced(batches.path, 2, split="thres")


def test_all_faults_of_a_file_are_told_at_once(tmp_path):
    with h5py.File(tmp_path / "bad.h5", "w") as file:
        file["train/1/streamline"] = streamlines(2)
        file["train/2/streamline"] = streamlines(2)[..., :2]
        file["train/3/streamlines"] = streamlines(2)
        file["train/4/streamline"] = streamlines(2).astype(np.int32)
        file["valid/1/streamline"] = streamlines(2)
        file["test/1/streamline"] = streamlines(2, points=20)
    with pytest.raises(BatchError) as refusal:
        inspect_batches(tmp_path / "bad.h5")
    told = str(refusal.value)
    assert "bad.h5 is not in the layout of streamline batches" in told
    assert "/train/2/streamline: shape (2, 16, 2)" in told
    assert "/train/3: no data set called streamline" in told
    assert "/train/4/streamline: dtype int32" in told
    assert "/valid: unknown split, must be one of train, thres, test" in told
    assert "classes differ in points per streamline: 16, 20" in told


@pytest.mark.parametrize("content", [None, b"", b"no HDF5", "truncated"])
def test_an_unreadable_file_is_refused_by_name(content, tmp_path, batches):
    path = tmp_path / "bad.h5"
    if content == "truncated":
        content = batches.path.read_bytes()[:4000]
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(BatchError, match=f"{path}"):
        inspect_batches(path)


def test_nothing_is_written_of_what_is_refused(tmp_path):
    holey = streamlines(3)
    holey[2, 1, 0] = np.inf
    with pytest.raises(BatchError) as refusal:
        write_batches(tmp_path / "bad.h5", {"train": {"a": holey}, "validation": {"b": streamlines(1)[:, :1]}})
    assert "/train/a/streamline: 1 streamlines hold NaN or infinite coordinates, the first in row 2" in str(
        refusal.value
    )
    assert "/validation: unknown split" in str(refusal.value)
    assert "/validation/b/streamline: shape (1, 1, 3)" in str(refusal.value)
    assert list(tmp_path.iterdir()) == []
    with pytest.raises(BatchError, match="no streamlines"):
        write_batches(tmp_path / "bad.h5", {})
