"""The SLURM recipe as far as it goes without SLURM: its scheduler, and the script of its jobs, which bash runs, too."""

import os
import signal
import subprocess
import sys

import pytest
from dask.distributed import Client

from finta.slurm import dask_workers


@pytest.fixture
def start(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("KERAS_BACKEND", "jax")
    started = []

    def start(*arguments):
        places = ["--logs", str(tmp_path / "logs"), "--tls", str(tmp_path / "tls")]
        started.append(dask_workers.start(dask_workers.parse([*places, *arguments])))
        return started[-1]

    yield start
    for cluster in started:
        cluster.close()


def test_a_job_asks_slurm_for_what_was_asked_for(start, tmp_path):
    asked = "--cores 6 --memory 12GB --walltime 01:30:00 --partition long --gpu --directive=--account=lab"
    script = start(*asked.split(), "--prologue", "module load cuda").job_script()
    lines = script.splitlines()
    assert lines[0] == "#!/usr/bin/env bash"
    directives = [line.removeprefix("#SBATCH ") for line in lines if line.startswith("#SBATCH ")]
    assert directives == [
        "-J finta-worker",
        f"-e {tmp_path}/logs/finta-worker-%J.err",
        f"-o {tmp_path}/logs/finta-worker-%J.out",
        "-p long",
        "-n 1",
        "--cpus-per-task=6",
        "--mem=12G",
        "-t 01:30:00",
        "--gres=gpu:1",
        "--account=lab",
    ]
    assert "export KERAS_BACKEND=jax" in lines
    assert lines.index("module load cuda") < len(lines) - 1
    assert f"--nthreads {dask_workers.THREADS}" in script


def test_by_default_there_is_neither_partition_nor_gpu(start):
    script = start().job_script()
    assert "#SBATCH -p" not in script
    assert "--gres" not in script


def test_the_worker_of_a_job_joins_with_the_cores_of_its_job(start, tmp_path):
    cluster = start("--cores", "3", "--memory", "1GB")
    (tmp_path / "job").write_text(cluster.job_script())
    log = (tmp_path / "log").open("w")
    job = subprocess.Popen(["/bin/bash", tmp_path / "job"], stdout=log, stderr=log, start_new_session=True)
    try:
        with Client(cluster, set_as_default=False) as client:
            client.wait_for_workers(1, timeout=30)
            settings = [set(client.run(os.getenv, name).values()) for name in ("OMP_NUM_THREADS", "KERAS_BACKEND")]
            assert settings == [{"3"}, {"jax"}]
            assert list(client.nthreads().values()) == [dask_workers.THREADS]
    finally:
        os.killpg(job.pid, signal.SIGTERM)
        job.wait(timeout=30)
        log.close()


def test_it_listens_in_one_place_and_shows_its_dashboard_to_this_machine_alone(start, tmp_path):
    cluster = start()
    assert cluster.scheduler_address.startswith("tls://")
    host = cluster.scheduler_address.removeprefix("tls://").rpartition(":")[0]
    sockets = {held.getsockname()[0] for held in cluster.scheduler.listeners[0].tcp_server._sockets.values()}
    assert sockets == {host}
    dashboard = {held.getsockname()[0] for held in cluster.scheduler.http_server._sockets.values()}
    assert dashboard == {dask_workers.LOOPBACK}
    assert f"--tls-key {tmp_path}/tls/key.pem" in cluster.job_script()
    assert f"--dashboard-address {dask_workers.LOOPBACK}:0" in cluster.job_script()
    assert (tmp_path / "tls" / "key.pem").stat().st_mode & 0o777 == 0o600


def test_it_uses_the_certificates_that_a_folder_holds(start, tmp_path):
    dask_workers.make_certificates(tmp_path / "tls")
    key = (tmp_path / "tls" / "key.pem").read_text()
    start()
    assert (tmp_path / "tls" / "key.pem").read_text() == key


def test_the_recipe_is_a_command_that_explains_itself():
    command = [sys.executable, "-m", "finta.slurm.dask_workers", "--help"]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert "It prints where it listens, the address and the folder of certificates" in done.stdout
