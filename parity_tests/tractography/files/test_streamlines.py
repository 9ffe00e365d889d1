import numpy as np
import pytest

from tractography.errors import TractogramError
from tractography.files.streamlines import Streamlines, concatenate
from tractography.files.tractograms import resample


@pytest.fixture
def streamlines():
    generator = np.random.default_rng(3)
    lengths = np.array([12, 30, 1, 7, 0, 2, 450])
    return Streamlines(
        np.cumsum(generator.normal(size=(lengths.sum(), 3)), axis=0).astype(np.float32),
        lengths,
        {"fa": generator.random((lengths.sum(), 1), np.float32)},
        {"ids": np.arange(7)[:, None] + 2**40},
    )


def same(one, other):
    np.testing.assert_array_equal(one.lengths, other.lengths)
    for ours, theirs in ((one.per_point, other.per_point), (one.per_streamline, other.per_streamline)):
        assert list(ours) == list(theirs)
        for name, values in ours.items():
            assert values.dtype == theirs[name].dtype
            np.testing.assert_array_equal(values, theirs[name])
    np.testing.assert_array_equal(one.points, other.points)
    return True


@pytest.mark.parametrize("rows", [[3, 0, 6, 3], [], [4], list(range(7))])
def test_selected_streamlines_are_those_of_a_list(rows, streamlines):
    lines, selected = streamlines.split(), streamlines.select(rows)
    assert [len(line) for line in lines] == streamlines.lengths.tolist()
    for row, line in zip(rows, selected.split(), strict=True):
        np.testing.assert_array_equal(line, lines[row])
    starts = streamlines.offsets
    values = [streamlines.per_point["fa"][starts[row] : starts[row] + streamlines.lengths[row]] for row in rows]
    np.testing.assert_array_equal(selected.per_point["fa"], np.concatenate([np.empty((0, 1), np.float32), *values]))
    assert selected.per_streamline["ids"][:, 0].tolist() == [2**40 + row for row in rows]


def test_a_mask_selects_as_its_indices_do(streamlines):
    mask = streamlines.lengths > 5
    assert same(streamlines.select(mask), streamlines.select(np.flatnonzero(mask)))


def test_parts_put_together_are_the_whole(streamlines):
    parts = [streamlines.select(np.arange(start, stop)) for start, stop in ((0, 3), (3, 3), (3, 7))]
    assert same(concatenate(parts), streamlines)


def test_parts_with_other_data_are_not_put_together(streamlines):
    with pytest.raises(TractogramError, match="with fa, ids and with fa, ids, weight cannot be put together"):
        concatenate([streamlines, streamlines.with_data(weight=np.ones(7))])
    with pytest.raises(TractogramError, match="No streamlines"):
        concatenate([])


def test_added_data_is_a_column_and_replaces_its_name(streamlines):
    data = streamlines.with_data(ids=np.arange(7), bundle=np.ones((7, 2))).per_streamline
    assert data["ids"].shape == (7, 1)
    assert data["bundle"].shape == (7, 2)
    assert streamlines.per_streamline["ids"][0] == 2**40


def test_resampled_streamlines_equal_those_resampled_one_by_one(streamlines):
    usable = streamlines.select(streamlines.usable())
    resampled = usable.resampled(256)
    assert resampled.shape == (5, 256, 3)
    assert resampled.dtype == np.float32
    np.testing.assert_array_equal(resampled, resample(usable.split(), 256))
    assert usable.select([]).resampled(256).shape == (0, 256, 3)


def test_streamlines_without_length_or_with_nan_are_not_usable():
    lines = [
        [[0, 0, 0], [1, 1, 1]],
        [[0, 0, 0]],
        [],
        [[5, 5, 5], [5, 5, 5], [5, 5, 5]],
        [[5, 5, 5], [5, 5, 5], [5, 5, 6]],
        [[0, 0, 0], [1, np.nan, 1], [2, 2, 2]],
        [[0, 0, 0], [1, 1, np.inf]],
        [[0, 0, 1], [0, 0, 2]],
        [[7, 7, 7]],
    ]
    points = np.concatenate([np.reshape(line, (-1, 3)) for line in lines]).astype(np.float32)
    streamlines = Streamlines(points, np.array([len(line) for line in lines]))
    assert streamlines.usable().tolist() == [True, False, False, False, True, False, False, True, False]
    assert np.isfinite(streamlines.select(streamlines.usable()).resampled(16)).all()
