import os
import subprocess
import sys
import threading
import time
from itertools import islice, pairwise

import numpy as np
import pytest
from scipy import stats

from parity_tests.tractography.batches.layouts import make
from tractography.batches.batches import write_batches
from tractography.batches.feeds import BatchFeed
from tractography.batches.packing import pack_batches
from tractography.batches.permutations import permuted
from tractography.batches.sampling import Balanced, Contrastive, Ordered, Shuffled, Triplet
from tractography.batches.sources import BatchSource
from tractography.errors import BatchError

SIZES = {"train": {"a": 300, "b": 2, "c": 41, "empty": 0, "d": 7}, "thres": {"lonely": 1, "many": 5, "solo": 1}}

SAMPLINGS = {
    "ordered": (Ordered(32), None),
    "shuffled": (Shuffled(32, flip=0.5), None),
    "balanced": (Balanced(32, flip=0.5), 5),
    "contrastive": (Contrastive(pairs=8), 5),
    "triplet": (Triplet(triplets=8), 5),
}


@pytest.fixture(scope="module")
def path(tmp_path_factory):
    return make(tmp_path_factory.mktemp("batches") / "batches.h5", SIZES)


@pytest.fixture(scope="module")
def source(path):
    return BatchSource(path, keep_index=False)


def feed_of(source, name, seed=3):
    sampling, steps = SAMPLINGS[name]
    return BatchFeed(source, "train", sampling, seed=seed, steps_per_epoch=steps)


def classes(source, rows):
    return np.array([name for name, _ in source.labels("train", rows)])


def draws_of(source, sampling, count):
    steps = None if isinstance(sampling, Shuffled) else 1
    return list(BatchFeed(source, "train", sampling, seed=1, steps_per_epoch=steps).batches(0, count))


@pytest.mark.parametrize("name", SAMPLINGS)
def test_a_batch_depends_on_seed_and_step_alone(name, source, path):
    one, other = feed_of(source, name), feed_of(BatchSource(path, keep_index=False), name)
    in_order = [one.batch(step).streamlines for step in range(14)]
    for step in (13, 2, 7):
        assert np.array_equal(other.batch(step).streamlines, in_order[step])
    if name != "ordered":
        assert not np.array_equal(one.batch(0).streamlines, one.batch(1).streamlines)
        assert not np.array_equal(feed_of(source, name, seed=4).batch(0).streamlines, in_order[0])


@pytest.mark.parametrize("name", SAMPLINGS)
def test_the_number_of_workers_changes_nothing_and_a_run_goes_on_where_it_stopped(name, source):
    feed = feed_of(source, name)
    uninterrupted = [feed.batch(step).streamlines for step in range(13)]
    for workers in (0, 1, 4):
        before = list(feed.batches(0, 7, workers=workers, ahead=3))
        after = list(islice(feed.batches(7, workers=workers), 6))
        assert [batch.step for batch in before + after] == list(range(13))
        for batch, expected in zip(before + after, uninterrupted, strict=True):
            assert np.array_equal(batch.streamlines, expected)


@pytest.mark.parametrize("name", SAMPLINGS)
def test_packed_and_published_files_give_identical_batches(name, source, path, tmp_path):
    packed = BatchSource(pack_batches(path, tmp_path / "packed.h5").path)
    for step in range(6):
        one, other = feed_of(source, name).batch(step), feed_of(packed, name).batch(step)
        assert np.array_equal(one.streamlines, other.streamlines)
        assert np.array_equal(one.rows, other.rows)


@pytest.mark.parametrize("name", SAMPLINGS)
def test_a_batch_holds_the_rows_it_names_flipped_where_it_says(name, source):
    batch = feed_of(source, name).batch(2)
    stored = source.read("train", batch.rows)
    for streamline, row, flip in zip(batch.streamlines, stored, batch.flips, strict=True):
        assert np.array_equal(streamline, row[::-1] if flip else row)


def test_flips_come_with_their_probability(source):
    for sampling in (Balanced(1000, flip=0.3), Shuffled(350, flip=0.3)):
        flips = np.concatenate([batch.flips for batch in draws_of(source, sampling, 20)])
        assert stats.binomtest(int(flips.sum()), len(flips), 0.3).pvalue > 1e-3
    assert not np.concatenate([batch.flips for batch in draws_of(source, Balanced(100), 5)]).any()
    assert np.concatenate([batch.flips for batch in draws_of(source, Balanced(100, flip=1.0), 5)]).all()


@pytest.mark.parametrize("sampling", [Balanced(4000), Contrastive(pairs=1000), Triplet(triplets=1300)])
def test_classes_are_drawn_uniformly_then_streamlines_uniformly_in_them(sampling, source):
    rows = np.concatenate([batch.rows for batch in draws_of(source, sampling, 5)])
    drawn = classes(source, rows)
    assert set(drawn) == {"a", "b", "c", "d"}
    _, counts = np.unique(drawn[: len(rows) // 4 if isinstance(sampling, Contrastive) else None], return_counts=True)
    assert stats.chisquare(counts).pvalue > 1e-3
    within = np.array([row for name, row in source.labels("train", rows) if name == "c"])
    assert stats.chisquare(np.bincount(within, minlength=41)).pvalue > 1e-3


def test_in_quadruples_positives_share_a_class_and_negatives_do_not(source):
    for batch in draws_of(source, Contrastive(pairs=96), 20):
        assert len(batch.rows) == 384
        positive, same, one, other = batch.rows.reshape(4, 96)
        assert (classes(source, positive) == classes(source, same)).all()
        assert (positive != same).all()
        assert (classes(source, one) != classes(source, other)).all()


def test_in_triplets_the_negative_alone_is_of_another_class(source):
    for batch in draws_of(source, Triplet(triplets=64), 20):
        anchor, positive, negative = batch.rows.reshape(3, 64)
        assert (classes(source, anchor) == classes(source, positive)).all()
        assert (anchor != positive).all()
        assert (classes(source, anchor) != classes(source, negative)).all()


def test_negatives_and_second_positives_are_uniform_over_what_is_left(source):
    batches = draws_of(source, Contrastive(pairs=2000), 5)
    pairs = np.concatenate([batch.rows.reshape(4, -1)[2:] for batch in batches], axis=1)
    named = [f"{one}{other}" for one, other in zip(classes(source, pairs[0]), classes(source, pairs[1]), strict=True)]
    kinds, counts = np.unique(named, return_counts=True)
    assert len(kinds) == 12
    assert stats.chisquare(counts).pvalue > 1e-3


@pytest.mark.parametrize("sampling", [Ordered(32), Shuffled(32), Shuffled(1000), Shuffled(1)])
def test_an_epoch_has_every_streamline_once(sampling, source):
    feed = BatchFeed(source, "train", sampling)
    for epoch in range(2):
        steps = range(epoch * len(feed), (epoch + 1) * len(feed))
        rows = np.concatenate([feed.batch(step).rows for step in steps])
        assert np.array_equal(np.sort(rows), np.arange(350))


def test_epochs_are_shuffled_each_on_its_own(source):
    feed = BatchFeed(source, "train", Shuffled(350))
    orders = [feed.batch(epoch).rows for epoch in range(30)]
    for one, other in pairwise(orders):
        assert (one == other).sum() < 12
        assert abs(stats.spearmanr(one, other).statistic) < 0.25
    assert abs(stats.spearmanr(np.arange(350), orders[0]).statistic) < 0.25


@pytest.mark.parametrize("count", [1, 2, 17, 4096, 4097, 5000, 70_000])
def test_a_permutation_has_every_item_once_however_it_is_cut(count):
    def key():
        return np.random.Generator(np.random.Philox(key=9))

    whole = permuted(np.arange(count), count, key())
    assert np.array_equal(np.sort(whole), np.arange(count))
    assert [int(permuted(np.array([place]), count, key())[0]) for place in range(min(count, 20))] == list(whole[:20])


@pytest.mark.parametrize("count", [600, 6000, 60_000])
def test_a_permutation_puts_each_item_at_each_place_equally_often(count):
    generator = np.random.Generator(np.random.Philox(key=9))
    places = np.array([0, 1, count // 2, count - 1])
    items = np.stack([permuted(places, count, generator) for _ in range(3000)]) * 6 // count
    for place in range(len(places)):
        assert stats.chisquare(np.bincount(items[:, place], minlength=6)).pvalue > 1e-3
    for one, other in pairwise(range(len(places))):
        together = np.bincount(items[:, one] * 6 + items[:, other], minlength=36)
        assert stats.chisquare(together).pvalue > 1e-3


def test_positions_far_into_a_huge_epoch_cost_no_more_than_the_first():
    count = 24_000_000
    rows = permuted(np.arange(count - 1000, count), count, np.random.Generator(np.random.Philox(key=9)))
    assert len(set(rows.tolist())) == 1000
    assert stats.kstest(rows / count, "uniform").pvalue > 1e-3


@pytest.mark.parametrize("sampling", [Contrastive(pairs=8), Triplet(triplets=8)])
def test_a_class_of_one_streamline_is_refused_where_a_pair_is_needed(sampling, source):
    with pytest.raises(BatchError) as refusal:
        BatchFeed(source, "thres", sampling, steps_per_epoch=5)
    assert str(refusal.value) == (
        f"{source.path} cannot be sampled in split thres:\n"
        "  class lonely has one streamline, where a pair is drawn from each class\n"
        "  class solo has one streamline, where a pair is drawn from each class\n"
        "Leave these classes out or merge them, and build the file again; or train without pairs."
    )
    assert len(BatchFeed(source, "thres", Balanced(8), steps_per_epoch=5).batch(0).rows) == 8


def test_one_class_has_no_negatives(tmp_path):
    write_batches(tmp_path / "batches.h5", {"train": {"a": np.zeros((5, 4, 3), np.float32)}})
    with BatchSource(tmp_path / "batches.h5") as source, pytest.raises(BatchError, match="there is one class only"):
        BatchFeed(source, "train", Contrastive(), steps_per_epoch=5)


def test_what_cannot_be_meant_is_refused(source):
    with pytest.raises(BatchError, match="no streamlines in split test; it has some in"):
        BatchFeed(source, "test", Ordered())
    with pytest.raises(ValueError, match="seed is -1"):
        BatchFeed(source, "train", Ordered(), seed=-1)
    with pytest.raises(ValueError, match="steps_per_epoch is None"):
        BatchFeed(source, "train", Balanced())
    with pytest.raises(ValueError, match="steps_per_epoch is 7"):
        BatchFeed(source, "train", Ordered(), steps_per_epoch=7)
    for wrong in (lambda: Shuffled(0), lambda: Balanced(8, flip=1.5), lambda: Contrastive(pairs=0)):
        with pytest.raises(ValueError, match="must be"):
            wrong()


def test_batches_are_read_ahead_of_need_and_reading_stops_with_the_reader(source):
    feed, read, before = feed_of(source, "balanced"), [], set(threading.enumerate())
    original = feed.batch
    feed.batch = lambda step: read.append(step) or original(step)
    batches = feed.batches(0, ahead=3)
    next(batches)
    for _ in range(100):
        if len(read) == 4:
            break
        time.sleep(0.01)
    assert read == [0, 1, 2, 3]
    batches.close()
    assert not set(threading.enumerate()) - before


def test_an_error_of_a_worker_reaches_the_reader(tmp_path):
    path = make(tmp_path / "batches.h5", SIZES)
    source = BatchSource(path)
    batches = feed_of(source, "ordered").batches(0, workers=2, ahead=2)
    next(batches)
    os.utime(path, (0, 0))
    with pytest.raises(BatchError, match="shrank or changed under its index"):
        list(batches)


def test_memory_stays_flat_over_a_file_larger_than_its_bound(tmp_path):
    large = {str(name): np.full((4000, 256, 3), name, np.float32) for name in range(8)}
    write_batches(tmp_path / "batches.h5", {"train": large})
    code = (
        "import resource, sys\n"
        "from tractography.batches.packing import pack_batches\n"
        "from tractography.batches.sources import BatchSource\n"
        "from tractography.batches.feeds import BatchFeed\n"
        "from tractography.batches.sampling import Shuffled\n"
        "before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss\n"
        "pack_batches(sys.argv[1], sys.argv[2])\n"
        "for path in sys.argv[1:]:\n"
        "    for batch in BatchFeed(BatchSource(path), 'train', Shuffled(1000)).batches(0, 40): pass\n"
        "print((resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) // 1024)\n"
    )
    command = [sys.executable, "-c", code, tmp_path / "batches.h5", tmp_path / "packed.h5"]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert int(done.stdout) < 64
