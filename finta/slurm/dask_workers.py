"""Start a Dask scheduler here and its workers as SLURM jobs, for ``finta encode --scheduler`` and ``finta filter``.

    pip install 'porting[cluster]'
    python -m finta.slurm.dask_workers --jobs 8 --cores 8 --memory 16GB --walltime 04:00:00 --partition gpu --gpu

It prints where it listens, the address and the folder of certificates, and waits; in another shell of this machine, or
of any that reaches it and sees that folder::

    finta filter tractogram.trk ... --scheduler tls://10.0.0.1:35217 --tls dask-tls

Whoever can give a scheduler work runs code as you. So all parties speak TLS, and none answers who does not show the
certificate: Dask makes one, and a key, in --tls (dask-tls if not given), which only you can read, and which the nodes
must see. A folder that holds ca.pem, cert.pem and key.pem already, of your site's making, is used as it is. The
dashboard answers on this machine alone (ssh -L PORT:localhost:PORT brings it to yours).

Ctrl-C ends the jobs. Start it on a login node or in a job of its own that outlasts the run, where this Python, the
tractogram, the model and the folder of the logs have the same names as on the nodes. Each job is one worker with one
model: it computes two ranges of streamlines at once, and TensorFlow, JAX or torch uses the cores, or the GPU.

A job that ends, at its walltime or because its node fails, loses nothing: its ranges go to the others, and a new job
takes its place (--jobs stays the number). Without any worker the run waits until SLURM gives one.

--interface names the network that the nodes share (ib0, eth0); if not given, it listens on the one address by which
this machine is known to others, and says which. What else a site wants goes to sbatch as it is,
--directive=--account=lab --directive=--qos=long, and into the job before its worker: --prologue="module load cuda".
"""

import argparse
import os
import signal
import sys
from pathlib import Path
from typing import Any

from finta.coding.transport import CA, CERTIFICATE, KEY, make_certificates, read_security
from finta.errors import ClusterError

THREADS = 2
"""Ranges that a worker computes at once: while one is read or compared, the other has the cores."""

LOOPBACK = "127.0.0.1"

PROXIES = "http_proxy https_proxy all_proxy HTTP_PROXY HTTPS_PROXY ALL_PROXY"
"""Unset in the jobs: they talk to the scheduler, not to the world."""


def parse(arguments: list[str]) -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(
        description=__doc__, usage="%(prog)s [options]", formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--jobs", type=int, default=2, help="jobs, each with one worker")
    parser.add_argument("--cores", type=int, default=4, help="CPU cores of a job")
    parser.add_argument("--memory", default="8GB", help="memory of a job")
    parser.add_argument("--walltime", default="04:00:00", help="hours:minutes:seconds that a job may take")
    parser.add_argument("--partition", help="SLURM's partition; the site's default if not given")
    parser.add_argument("--gpu", action="store_true", help="one GPU for each job")
    parser.add_argument("--interface", help="network that the scheduler and the nodes share")
    parser.add_argument("--tls", type=Path, default=Path("dask-tls"), help="folder of the certificates")
    parser.add_argument("--logs", default="dask-logs", help="folder of the jobs' logs")
    parser.add_argument("--directive", action="append", default=[], help="option of sbatch; may be repeated")
    parser.add_argument("--prologue", action="append", default=[], help="command before the worker; may be repeated")
    return parser.parse_args(arguments)


def start(options: argparse.Namespace) -> Any:
    """Start the scheduler, without workers yet.

    Returns
    -------
    dask_jobqueue.SLURMCluster
    """
    from dask_jobqueue.slurm import SLURMCluster
    from distributed.utils import get_ip

    if not any((options.tls / name).exists() for name in (CA, CERTIFICATE, KEY)):
        make_certificates(options.tls)
    backend = os.environ.get("KERAS_BACKEND", "tensorflow")
    threads = ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS")  # Dask would have 1, or the user's own
    prologue = [
        f"export KERAS_BACKEND={backend}",
        *(f"export {name}={options.cores}" for name in threads),
        f"unset {PROXIES}",
        *options.prologue,
    ]
    return SLURMCluster(
        queue=options.partition,
        cores=THREADS,
        processes=1,
        job_cpu=options.cores,
        memory=options.memory,
        walltime=options.walltime,
        interface=options.interface,
        log_directory=options.logs,
        job_name="finta-worker",
        job_extra_directives=[*(["--gres=gpu:1"] if options.gpu else []), *options.directive],
        job_script_prologue=prologue,
        protocol="tls://",
        security=read_security(options.tls),
        worker_extra_args=["--dashboard-address", f"{LOOPBACK}:0"],
        scheduler_options={
            "dashboard_address": f"{LOOPBACK}:0",
            **({} if options.interface else {"host": get_ip()}),
        },
    )


def main(arguments: list[str]) -> None:
    """Keep workers until this process is told to end."""
    options = parse(arguments)
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    with start(options) as cluster:
        cluster.adapt(minimum_jobs=options.jobs, maximum_jobs=options.jobs)  # a job that has ended is replaced
        where = options.interface or "no --interface was given"
        sys.stdout.write(f"listens at {cluster.scheduler_address} alone ({where}), to who has the certificates\n")
        sys.stdout.write(f"dashboard {cluster.dashboard_link}, on this machine alone\n")
        sys.stdout.write(f"--scheduler {cluster.scheduler_address} --tls {options.tls.absolute()}\n")
        sys.stdout.flush()
        try:
            signal.pause()
        except KeyboardInterrupt:
            sys.stderr.write("Ending the jobs.\n")


if __name__ == "__main__":
    try:
        main(sys.argv[1:])
    except ClusterError as error:
        sys.exit(f"Error: {error}")
