import json
import logging
import os
import signal
import time

import h5py
import numpy as np
import pytest
from dask.distributed import Client

from finta.cli import app
from finta.coding.clusters import compute
from finta.coding.encoding import encode_tractogram
from finta.coding.rows import RANGE_SIZE, ranges_of
from finta.coding.tasks import Encode
from finta.errors import ClusterError, FintaError
from finta.filtering.filtered import Settings
from finta.filtering.filtering import filter_tractogram
from parity_tests.finta.coding.walks import Ends, filled, start_cluster, write_walks
from tractography.errors import TractographyError
from tractography.files.pieces import open_tractogram

EXPECTED = (TractographyError, FintaError)


@pytest.fixture(scope="module")
def cluster():
    with start_cluster(2) as started:
        yield started


def kill_a_worker(cluster):
    """Kill the process of one worker; its nanny starts another."""
    with Client(cluster.scheduler_address, set_as_default=False) as client:
        victim = next(iter(client.run(os.getpid).values()))
    os.kill(victim, signal.SIGKILL)
    return victim


def test_ranges_come_once_each_though_a_worker_dies_over_them(cluster, tmp_path):
    count = 12 * RANGE_SIZE + 5
    victims, progress = [], []

    def kill_once(doing, done, total):
        progress.append(done)
        if done and not victims:
            victims.append(kill_a_worker(cluster))

    with open_tractogram(write_walks(tmp_path / "walks.trk", count)) as file:
        ends, processes = filled(tmp_path / "there.h5", file, cluster.scheduler_address, kill_once)
        here, _ = filled(tmp_path / "here.h5", file, None)
    np.testing.assert_array_equal(ends, here)
    assert victims
    assert progress[-1] == count == sum(np.diff(progress))
    assert len(progress) == 1 + len(ranges_of(count))
    assert os.getpid() not in processes


def test_two_runs_share_a_cluster_and_keep_their_own(cluster, tmp_path):
    files = [open_tractogram(write_walks(tmp_path / f"{seed}.trk", 2 * RANGE_SIZE, seed)) for seed in (1, 2)]
    runs = [compute(Ends(file), ranges_of(file.count), cluster.scheduler_address) for file in files]
    for _, *both in zip(range(2), *runs, strict=True):
        for file, (held, rows) in zip(files, both, strict=True):
            np.testing.assert_array_equal(rows["ends"], Ends(file)(held)["ends"])
    for run in runs:
        run.close()


def test_a_task_as_large_as_an_atlas_is_sent(cluster, tmp_path):
    with open_tractogram(write_walks(tmp_path / "walks.trk", 10)) as file:
        task = Ends(file, np.zeros(3_000_000))
        ((held, rows),) = compute(task, ranges_of(10), cluster.scheduler_address)
    assert (held.stop, len(rows["ends"])) == (10, 10)


def test_a_worker_that_does_not_see_the_tractogram_is_one_error(cluster, tmp_path):
    with open_tractogram(write_walks(tmp_path / "walks.trk", 10)) as file:
        file.path.rename(tmp_path / "elsewhere.trk")
        with pytest.raises(ClusterError, match=r"A worker of tcp.*No tractogram at .*walks.trk") as told:
            filled(tmp_path / "ends.h5", file, cluster.scheduler_address)
    assert "must see the tractogram and the model under the same names" in str(told.value)
    assert [path.name for path in tmp_path.iterdir()] == ["elsewhere.trk"]


def test_a_worker_that_does_not_see_the_model_is_one_error(cluster, tmp_path):
    with open_tractogram(write_walks(tmp_path / "walks.trk", 10)) as file:
        task = Encode(file, tmp_path / "none.keras")
        with pytest.raises(ClusterError, match=r"A worker of tcp.*No model at .*none.keras"):
            list(compute(task, ranges_of(10), cluster.scheduler_address))


def test_a_tractogram_that_has_grown_meanwhile_is_one_error(cluster, tmp_path):
    with open_tractogram(write_walks(tmp_path / "walks.trk", 10)) as file:
        write_walks(file.path, 20)
        with pytest.raises(ClusterError, match="it has changed"):
            list(compute(Ends(file), ranges_of(10), cluster.scheduler_address))


def test_workers_that_come_later_are_given_work(tmp_path, monkeypatch):
    monkeypatch.setattr("finta.coding.clusters.RECOUNT", 0.0)
    path = write_walks(tmp_path / "walks.trk", 40 * RANGE_SIZE)
    seen = []

    def grow(doing, done, total):
        if done and not seen:
            seen.append(done)
            growing.scale(2)
            with Client(growing.scheduler_address, set_as_default=False) as client:
                client.wait_for_workers(2)

    with start_cluster(1) as growing, open_tractogram(path) as file:
        _, processes = filled(tmp_path / "ends.h5", file, growing.scheduler_address, grow)
    assert len(set(processes.tolist())) == 2


class StartsAWorker(logging.Handler):
    """When it is told that none is left."""

    def __init__(self, cluster):
        super().__init__()
        self.cluster, self.told = cluster, []

    def emit(self, record):
        self.told.append(record.getMessage())
        self.cluster.scale(1)


@pytest.mark.slow
def test_a_run_whose_workers_are_all_gone_says_so_and_goes_on_with_new_ones(tmp_path, monkeypatch):
    monkeypatch.setattr("finta.coding.clusters.RECOUNT", 0.2)
    lost = []

    def lose_all(doing, done, total):
        if done and not lost:
            lost.append(done)
            changing.scale(0)
            with Client(changing.scheduler_address, set_as_default=False) as client:
                while client.nthreads():
                    time.sleep(0.05)

    path = write_walks(tmp_path / "walks.trk", 20 * RANGE_SIZE)
    with start_cluster(1) as changing, open_tractogram(path) as file:
        handler = StartsAWorker(changing)
        monkeypatch.setattr(logging.getLogger("finta.coding.clusters"), "handlers", [handler])
        ends, _ = filled(tmp_path / "there.h5", file, changing.scheduler_address, lose_all)
        here, _ = filled(tmp_path / "here.h5", file, None)
    np.testing.assert_array_equal(ends, here)
    assert handler.told[0] == f"No workers are left at {changing.scheduler_address}: waiting for others."


class KillOnce:
    """Kills a worker when the first ranges are in."""

    def __init__(self, cluster):
        self.cluster, self.victims = cluster, []

    def __call__(self, doing, done, total):
        if done and not self.victims and not doing.startswith(("writing", "encoding the atlas")):
            self.victims.append(kill_a_worker(self.cluster))


@pytest.mark.slow
def test_encoding_on_a_cluster_that_loses_a_worker_is_encoding_here(cluster, small_port, tmp_path, run_cli):
    path, kill_once = write_walks(tmp_path / "walks.trk", 3 * RANGE_SIZE + 100), KillOnce(cluster)
    there = encode_tractogram(
        path, small_port, tmp_path / "there.h5", scheduler=cluster.scheduler_address, on_step=kill_once
    )
    command = ["encode", path, "--model", small_port, "--output", tmp_path / "here.h5"]
    assert run_cli(*command, commands=app, expected=EXPECTED).status == 0
    assert kill_once.victims
    assert (there.count, there.skipped) == (3 * RANGE_SIZE + 100, 0)
    with h5py.File(tmp_path / "here.h5") as here, h5py.File(there.path) as found:
        np.testing.assert_array_equal(found["latent_codes"][:], here["latent_codes"][:])


@pytest.mark.slow
def test_filtering_on_a_cluster_that_loses_a_worker_is_filtering_here(cluster, small_port, tmp_path, run_cli):
    atlas, path = tmp_path / "atlas", write_walks(tmp_path / "walks.trk", 3 * RANGE_SIZE + 100)
    atlas.mkdir()
    for seed, name in enumerate(("left", "right"), 1):
        write_walks(atlas / f"{name}.trk", 50, seed)
    thresholds = tmp_path / "thresholds.json"
    thresholds.write_text(json.dumps({"left": 0.5, "right": 5.0}))
    kill_once = KillOnce(cluster)
    there = filter_tractogram(
        path,
        small_port,
        tmp_path / "there",
        Settings(atlas, thresholds),
        scheduler=cluster.scheduler_address,
        on_step=kill_once,
    )
    command = ["filter", path, "--model", small_port, "--atlas", atlas, "--thresholds", thresholds]
    assert run_cli(*command, "--output", tmp_path / "here", commands=app, expected=EXPECTED).status == 0
    assert kill_once.victims
    assert 0 < there.sorted.kept.sum() < there.sorted.count
    for name in ("left.trk", "right.trk", "implausible.trk"):
        assert (tmp_path / "there" / name).read_bytes() == (tmp_path / "here" / name).read_bytes(), name
    with h5py.File(tmp_path / "here/assignments.h5") as here, h5py.File(tmp_path / "there/assignments.h5") as found:
        for column in ("labels", "distances"):
            np.testing.assert_array_equal(found[column][:], here[column][:])
