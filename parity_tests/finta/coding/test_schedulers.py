"""A scheduler that is not there, goes, has no workers, or speaks TLS with those who have its certificates."""

import numpy as np
import pytest
from dask import config
from dask.distributed import LocalCluster

from finta.cli import app
from finta.coding.clusters import compute
from finta.coding.drafts import draft_of
from finta.coding.rows import RANGE_SIZE, ranges_of
from finta.coding.transport import Scheduler, make_certificates, read_security
from finta.errors import ClusterError, FintaError
from parity_tests.finta.coding.walks import Ends, filled, start_cluster, write_walks
from tractography.errors import TractographyError
from tractography.files.pieces import open_tractogram

EXPECTED = (TractographyError, FintaError)
IMPATIENT = {"distributed.comm.timeouts.connect": "2s"}


@pytest.fixture
def impatient():
    with config.set(IMPATIENT):
        yield


def test_a_scheduler_that_goes_leaves_what_is_computed(tmp_path, impatient):
    def end_it(doing, done, total):
        if done:
            short_lived.close()

    path, gone = write_walks(tmp_path / "walks.trk", 40 * RANGE_SIZE), "has gone. What is computed is kept: go on with"
    with start_cluster(1) as short_lived, open_tractogram(path) as file, pytest.raises(ClusterError, match=gone):
        filled(tmp_path / "ends.h5", file, short_lived.scheduler_address, end_it)
    assert draft_of(tmp_path / "ends.h5").is_file()


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
