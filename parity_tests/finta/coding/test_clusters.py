import json
import logging
import os
import signal
import time
from dataclasses import dataclass, field

import h5py
import numpy as np
import pytest
from dask import config
from dask.distributed import Client, LocalCluster

from finta.cli import app
from finta.coding.clusters import compute
from finta.coding.drafts import draft_of
from finta.coding.encoding import encode_tractogram, fill
from finta.coding.rows import RANGE_SIZE, RowFile, ranges_of
from finta.coding.tasks import Encode
from finta.coding.transport import Scheduler, make_certificates, read_security
from finta.errors import ClusterError, FintaError
from finta.filtering.filtered import Settings
from finta.filtering.filtering import filter_tractogram
from tractography.errors import TractographyError
from tractography.files.headers import header_in_space
from tractography.files.pieces import TractogramFile, open_tractogram
from tractography.files.streamlines import Streamlines
from tractography.writing.writers import open_writer

EXPECTED = (TractographyError, FintaError)
IMPATIENT = {"distributed.comm.timeouts.connect": "2s"}


def write_walks(path, count, seed=0):
    walks = np.random.default_rng(seed).normal(0, 3, (count, 5, 3)).cumsum(axis=1)
    with open_writer(path, header_in_space(path.suffix, np.eye(4), (100, 100, 100))) as writer:
        writer.append(Streamlines.alike(walks.astype(np.float32)))
    return path


@dataclass(frozen=True)
class Ends:
    """Where streamlines end: a task without a model, and with a worker's process."""

    tractogram: TractogramFile
    atlas: np.ndarray = field(default_factory=lambda: np.empty(0))

    def __call__(self, held):
        streamlines = self.tractogram.read(held.first, held.stop)
        ends = streamlines.points[streamlines.offsets + streamlines.lengths - 1]
        return {"ends": ends, "process": np.full(len(streamlines), os.getpid())}


def start_cluster(workers):
    return LocalCluster(n_workers=workers, threads_per_worker=1, processes=True, dashboard_address=":0")


@pytest.fixture(scope="module")
def cluster():
    with start_cluster(2) as started:
        yield started


@pytest.fixture
def impatient():
    with config.set(IMPATIENT):
        yield


def kill_a_worker(cluster):
    """Kill the process of one worker; its nanny starts another."""
    with Client(cluster.scheduler_address, set_as_default=False) as client:
        victim = next(iter(client.run(os.getpid).values()))
    os.kill(victim, signal.SIGKILL)
    return victim


def filled(path, file, scheduler, on_step=lambda *_: None):
    columns = {"ends": (np.float32, (3,)), "process": (np.int64, ())}
    with RowFile(path, columns, file.count, {}) as rows:
        fill(rows, file.count, Ends(file), scheduler, "reading", on_step)
        rows.finish()
    with h5py.File(path) as written:
        return written["ends"][:], written["process"][:]


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


def test_a_scheduler_that_goes_leaves_what_is_computed(tmp_path, impatient):
    def end_it(doing, done, total):
        if done:
            short_lived.close()

    path, gone = write_walks(tmp_path / "walks.trk", 40 * RANGE_SIZE), "has gone. What is computed is kept: go on with"
    with start_cluster(1) as short_lived, open_tractogram(path) as file, pytest.raises(ClusterError, match=gone):
        filled(tmp_path / "ends.h5", file, short_lived.scheduler_address, end_it)
    assert draft_of(tmp_path / "ends.h5").is_file()


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


@pytest.mark.parametrize("address", ["tcp://127.0.0.1:9", "nowhere", "carrier-pigeon://attic"])
def test_an_unreachable_scheduler_is_one_error(address, small_port, tmp_path, impatient, run_cli):
    path = write_walks(tmp_path / "walks.trk", 10)
    command = ["encode", path, "--model", small_port, "--output", tmp_path / "codes.h5", "--scheduler", address]
    done = run_cli(*command, commands=app, expected=EXPECTED)
    assert done.status == 2
    assert done.err.startswith(f"Error: No Dask scheduler answers at {address}: "), done.err
    assert "tcp://HOST:PORT" in done.err
    assert [path.name for path in tmp_path.iterdir()] == ["walks.trk"]


@pytest.fixture(scope="module")
def secure(tmp_path_factory):
    """A cluster whose parties speak TLS, and the folder of its certificates."""
    folder = tmp_path_factory.mktemp("certificates")
    make_certificates(folder)
    own = {"protocol": "tls://", "security": read_security(folder), "dashboard_address": "127.0.0.1:0"}
    with LocalCluster(n_workers=1, threads_per_worker=1, processes=True, **own) as started:
        yield started.scheduler_address, folder


def test_a_cluster_that_speaks_tls_computes_for_who_has_its_certificates(secure, tmp_path, caplog):
    address, folder = secure
    assert address.startswith("tls://")
    with open_tractogram(write_walks(tmp_path / "walks.trk", 10)) as file:
        ((held, rows),) = compute(Ends(file), ranges_of(10), Scheduler(address, folder))
        np.testing.assert_array_equal(rows["ends"], Ends(file)(held)["ends"])
    assert "without TLS" not in caplog.text


def test_a_cluster_that_speaks_tls_answers_nobody_else(secure, tmp_path, impatient):
    address, folder = secure
    make_certificates(tmp_path / "others")
    with open_tractogram(write_walks(tmp_path / "walks.trk", 10)) as file:
        for stranger in (Scheduler(address, tmp_path / "others"), Scheduler(address.replace("tls://", "tcp://"))):
            with pytest.raises(ClusterError, match="No Dask scheduler answers at"):
                list(compute(Ends(file), ranges_of(10), stranger))
    assert {(folder / name).stat().st_mode & 0o777 for name in ("ca.pem", "cert.pem", "key.pem")} == {0o600}


@pytest.mark.parametrize(
    ("options", "told"),
    [
        (["--scheduler", "tls://127.0.0.1:9"], "wants certificates: give the folder"),
        (["--scheduler", "tls://127.0.0.1:9", "--tls", "none"], "none holds no ca.pem, cert.pem, key.pem"),
        (["--scheduler", "tcp://127.0.0.1:9", "--tls", "none"], "--tls goes with an address that begins with tls://"),
        (["--tls", "none"], "goes with --scheduler"),
    ],
)
def test_certificates_and_address_go_together(options, told, tmp_path, run_cli):
    command = ["encode", tmp_path / "none.trk", "--model", "none.keras", "--output", tmp_path / "codes.h5", *options]
    done = run_cli(*command, commands=app, expected=EXPECTED)
    assert done.status == 2
    assert told in done.err


def test_damaged_certificates_are_one_error(tmp_path):
    make_certificates(tmp_path)
    (tmp_path / "cert.pem").write_text("no certificate")
    with pytest.raises(ClusterError, match="holds no certificates that can be used"):
        Scheduler("tls://127.0.0.1:9", tmp_path).security()


def test_a_scheduler_without_tls_on_another_machine_is_warned_of(caplog, tmp_path):
    short = config.set({"distributed.comm.timeouts.connect": "100ms"})
    with open_tractogram(write_walks(tmp_path / "walks.trk", 10)) as file, short, pytest.raises(ClusterError):
        list(compute(Ends(file), ranges_of(10), "tcp://192.0.2.1:9"))
    assert "tcp://192.0.2.1:9 speaks without TLS: whoever reaches it runs code as its user" in caplog.text


def test_a_scheduler_without_workers_is_one_error(tmp_path, impatient):
    path, none = write_walks(tmp_path / "walks.trk", 10), "has no workers. Start some: dask worker"
    with start_cluster(0) as empty, open_tractogram(path) as file, pytest.raises(ClusterError, match=none):
        filled(tmp_path / "ends.h5", file, empty.scheduler_address)
    assert [path.name for path in tmp_path.iterdir()] == ["walks.trk"]


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
