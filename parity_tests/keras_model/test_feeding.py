import os
import subprocess
import sys

import keras
import numpy as np
import pytest
import tensorflow as tf

import keras_model.feeding
import reference_torch.feeding
from parity_tests.tractography.batches.layouts import POINTS, make
from tractography.batches.feeds import BatchFeed
from tractography.batches.sampling import Balanced, Contrastive, Shuffled
from tractography.batches.sources import BatchSource
from tractography.errors import BatchError


@pytest.fixture
def feed(tmp_path):
    return BatchFeed(
        BatchSource(make(tmp_path / "batches.h5")), "test", Balanced(8, flip=0.5), seed=2, steps_per_epoch=3
    )


def expected(feed, *steps):
    return np.stack([feed.batch(step).streamlines for step in steps])


class Recorder(keras.Model):
    """Keeps the sum of what each step sees, in order."""

    def __init__(self):
        super().__init__()
        self.seen = []
        self.scale = self.add_weight(shape=(), initializer="ones")

    def train_step(self, data):
        streamlines, targets = data
        self.seen.append(streamlines.numpy())
        assert (streamlines.numpy() == targets.numpy()).all()
        return {"loss": keras.ops.sum(streamlines)}


@pytest.mark.parametrize("settings", [{"workers": 0}, {"workers": 1}, {"workers": 3}])
def test_fit_sees_the_batches_of_the_feed_epoch_by_epoch_with_any_workers(settings, feed):
    model = Recorder()
    model.compile(run_eagerly=True)
    batches = keras_model.feeding.StreamlineBatches(feed, **settings)
    model.fit(batches, epochs=3, shuffle=False, callbacks=[batches.follow_epochs()], verbose=0)
    assert np.array_equal(model.seen, expected(feed, *range(9)))


def test_fit_goes_on_with_the_epoch_it_is_told(feed):
    model = Recorder()
    model.compile(run_eagerly=True)
    batches = keras_model.feeding.StreamlineBatches(feed)
    followed = [batches.follow_epochs()]
    model.fit(batches, initial_epoch=4, epochs=5, shuffle=False, callbacks=followed, verbose=0)
    assert np.array_equal(model.seen, expected(feed, 12, 13, 14))


def test_items_may_be_asked_for_in_any_order_and_again(feed):
    batches = keras_model.feeding.StreamlineBatches(feed, targets=False)
    for index in (0, 1, 0, 0, 2, 1, 2):
        assert np.array_equal(batches[index], expected(feed, index)[0])


def test_validation_sees_the_same_batches_each_time(feed):
    model = Recorder()
    model.test_step = model.train_step
    model.compile(run_eagerly=True)
    batches = keras_model.feeding.StreamlineBatches(feed)
    for _ in range(2):
        model.evaluate(batches, verbose=0)
    assert np.array_equal(model.seen, expected(feed, 0, 1, 2, 0, 1, 2))


BACKEND = """
import sys
import keras, numpy as np
from keras_model.feeding import StreamlineBatches
from tractography.batches.feeds import BatchFeed
from tractography.batches.sampling import Balanced
from tractography.batches.sources import BatchSource

class Recorder(keras.Model):
    def call(self, streamlines):
        return streamlines

    def train_step(self, *arguments):
        seen.append(np.asarray(arguments[-1][0]))
        logs = {"loss": 0.0}
        return (logs, arguments[0]) if keras.backend.backend() == "jax" else logs

seen = []
feed = BatchFeed(BatchSource(sys.argv[1]), "test", Balanced(8), seed=2, steps_per_epoch=3)
model = Recorder()
model.compile(run_eagerly=True)
batches = StreamlineBatches(feed, workers=2)
model.fit(batches, epochs=3, shuffle=False, callbacks=[batches.follow_epochs()], verbose=0)
expected = [feed.batch(step).streamlines for step in range(9)]
assert np.array_equal(seen, expected), [[int((one == other).all()) for other in expected] for one in seen]
"""


@pytest.mark.parametrize("backend", ["jax", pytest.param("torch", marks=pytest.mark.slow)])
def test_fit_sees_the_same_on_other_backends(backend, feed):
    environment = os.environ | {"KERAS_BACKEND": backend}
    command = [sys.executable, "-c", BACKEND, feed.source.path]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def test_targets_may_be_left_out(feed):
    assert np.array_equal(keras_model.feeding.StreamlineBatches(feed, targets=False)[1], expected(feed, 1)[0])


@pytest.mark.parametrize("workers", [1, 3])
def test_tensorflow_reads_the_batches_of_the_feed_in_order(workers, feed):
    data = keras_model.feeding.as_tensorflow(feed, 2, 9, workers=workers)
    assert data.element_spec == tf.TensorSpec((None, POINTS, 3), tf.float32)
    assert np.array_equal(list(data.as_numpy_iterator()), expected(feed, *range(2, 9)))
    endless = keras_model.feeding.as_tensorflow(feed, 100).take(2)
    assert np.array_equal(list(endless.as_numpy_iterator()), expected(feed, 100, 101))


@pytest.mark.parametrize("settings", [{"workers": 0}, {"workers": 2}, {"workers": 2, "processes": True}])
def test_the_reference_reads_the_same_batches_with_points_last(settings, feed):
    read = list(reference_torch.feeding.read_batches(feed, 2, 9, **settings))
    assert all(tensor.shape == (8, 3, POINTS) and tensor.is_contiguous() for tensor in read)
    assert np.array_equal([tensor.numpy().transpose(0, 2, 1) for tensor in read], expected(feed, *range(2, 9)))


def test_the_last_batch_of_an_epoch_may_be_smaller(tmp_path):
    source = BatchSource(make(tmp_path / "batches.h5"))
    feed = BatchFeed(source, "train", Shuffled(50))
    sizes = [50, 50, 17]
    assert [len(rows) for rows in keras_model.feeding.as_tensorflow(feed, 0, 3)] == sizes
    assert [len(rows) for rows in reference_torch.feeding.read_batches(feed, 0, 3)] == sizes
    assert [len(pair[0]) for pair in keras_model.feeding.StreamlineBatches(feed)] == sizes


def test_a_file_that_changes_stops_every_feed_with_its_own_words(feed, tmp_path):
    words = "shrank or changed under its index"
    (tmp_path / "batches.h5").touch()
    with pytest.raises(BatchError, match=words):
        keras_model.feeding.StreamlineBatches(feed)[0]
    with pytest.raises(BatchError, match=words):
        next(iter(reference_torch.feeding.read_batches(feed, 0, 3)))
    with pytest.raises(tf.errors.OpError, match=words):
        next(iter(keras_model.feeding.as_tensorflow(feed, 0, 3)))


def test_quadruples_arrive_in_the_order_of_the_loss(tmp_path):
    source = BatchSource(make(tmp_path / "batches.h5", {"train": {"a": 7, "b": 9, "c": 4}}))
    feed = BatchFeed(source, "train", Contrastive(pairs=3), steps_per_epoch=2)
    (read,) = reference_torch.feeding.read_batches(feed, 1, 2)
    assert np.array_equal(read.numpy().transpose(0, 2, 1), next(iter(keras_model.feeding.as_tensorflow(feed, 1, 2))))
    assert len(read) == 12
