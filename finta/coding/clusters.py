"""Compute ranges in this process, or on the workers of a Dask cluster."""

import gc
import logging
import pickle
from collections.abc import Iterable, Iterator
from concurrent.futures import CancelledError
from contextlib import contextmanager
from itertools import islice
from time import monotonic, sleep
from typing import Any
from uuid import uuid4

from finta.coding.rows import Range
from finta.coding.tasks import Rows, Task, compute_here
from finta.coding.transport import Scheduler
from finta.errors import ClusterError, FintaError
from tractography.errors import TractographyError

_LOG = logging.getLogger(__name__)

PATIENCE = "distributed.comm.timeouts.connect"
"""Dask's setting of how long to wait for the scheduler, and here for its first worker; 30 s if it is not changed."""

WAITING = 4
"""Ranges that wait for each thread of a worker, so that none is ever idle."""

RECOUNT = 5.0
"""Seconds after which the threads are counted again: workers come and go."""

GLANCE = 0.02
"""Seconds between two looks at what is ready; a range takes seconds."""


def compute(
    task: Task, ranges: Iterable[Range], scheduler: str | Scheduler | None = None
) -> Iterator[tuple[Range, Rows]]:
    """Compute each range once, here in their order, or on a cluster in the order in which they are ready.

    Should a worker die, its ranges are computed by another; should all die, by those that come instead.

    Parameters
    ----------
    task : Task
    ranges : iterable of Range
    scheduler : str or Scheduler, optional
        Address of the cluster's scheduler, with the certificates that it wants. A warning is logged where it has lost
        all workers, and where it lets in whoever reaches it from other machines.

    Raises
    ------
    ClusterError
        If the cluster cannot be reached, has no workers, or loses them over one range again and again.
    """
    return _compute_there(task, ranges, Scheduler.of(scheduler)) if scheduler else compute_here(task, ranges)


def _compute_there(task: Task, ranges: Iterable[Range], scheduler: Scheduler) -> Iterator[tuple[Range, Rows]]:
    with _client(scheduler) as client, _failures_told(scheduler.address):
        from dask.distributed import as_completed

        run = uuid4().hex  # the scheduler may be at work for others, and takes tasks of one key for the same
        held_task = _send(client, task, f"task-{run}")
        left = iter(ranges)

        def submit(count: int) -> list[Any]:
            keys = ((held, f"range-{held.number}-{run}") for held in islice(left, max(count, 0)))
            return [client.submit(_run, held_task, held, key=key, pure=False) for held, key in keys]

        threads, counted = _count_threads(client), monotonic()
        running = as_completed(submit(WAITING * max(threads, 1)), loop=client.loop, with_results=True)
        while running.count():
            ready = running.next_batch(block=False)
            for future, found in ready:
                yield _unwrapped(future, found)
                future.release()
            if monotonic() - counted > RECOUNT:
                had, threads, counted = threads, _count_threads(client), monotonic()
                if had and not threads:
                    _LOG.warning("No workers are left at %s: waiting for others.", scheduler.address)
            running.update(submit(WAITING * max(threads, 1) - running.count()))
            if not ready:
                sleep(GLANCE)


def _unwrapped(future: Any, found: Any) -> tuple[Range, Rows]:
    """What a worker computed; raise what it raised instead."""
    if isinstance(found, CancelledError):
        raise found
    if future.status == "error":
        _, error, traceback = found
        raise error.with_traceback(traceback)
    return found


def _count_threads(client: Any) -> int:
    """Threads of all workers."""
    from distributed.comm.core import CommClosedError

    try:
        return sum(client.nthreads().values())
    except OSError as error:
        raise CommClosedError(str(error)) from error


def _send(client: Any, task: Task, key: str) -> Any:
    """Have a worker hold the task: a result, made again should all who hold it die, which scattered data are not.

    It travels as bytes, so that the scheduler, which need not see the files, does not open them.
    """
    from dask import config

    with config.set({"distributed.admin.large-graph-warning-threshold": "1TB"}):  # a reference is large
        return client.submit(pickle.loads, pickle.dumps(task), key=key, pure=False)


def _run(task: Task, held: Range) -> tuple[Range, Rows]:
    return held, task(held)


@contextmanager
def _failures_told(scheduler: str) -> Iterator[None]:
    """Say what has failed where, and what to do about it."""
    from dask.distributed import KilledWorker
    from distributed.comm.core import CommClosedError

    go_on = "What is computed is kept: go on with --resume."
    try:
        yield
    except KilledWorker as error:
        raise ClusterError(
            f"Workers of {scheduler} died over one range again and again: {error} They may lack memory. {go_on}"
        ) from error
    except (CancelledError, CommClosedError) as error:
        raise ClusterError(f"The Dask scheduler at {scheduler} has gone. {go_on}") from error
    except (FintaError, TractographyError, ImportError) as error:
        raise ClusterError(
            f"A worker of {scheduler} cannot compute: {error}\nWorkers need this version of porting, and must see the "
            "tractogram and the model under the same names."
        ) from error


@contextmanager
def _client(scheduler: Scheduler) -> Iterator[Any]:
    from dask import config
    from dask.distributed import Client

    address, patience = scheduler.address, config.get(PATIENCE)
    security = scheduler.security()
    if security is None and not address.startswith(_HERE):
        _LOG.warning("%s speaks without TLS: whoever reaches it runs code as its user. Use tls:// and --tls.", address)
    gc.collect()  # a client that was never connected closes when it is collected; as another starts, both would hang
    try:
        client = Client(address, timeout=patience, set_as_default=False, security=security)
    except (OSError, ValueError, TypeError) as error:
        raise ClusterError(
            f"No Dask scheduler answers at {address}: {error}. Give the address that it printed at its start, "
            "tls://HOST:PORT with --tls FOLDER, or tcp://HOST:PORT."
        ) from error
    with client:
        try:
            client.wait_for_workers(1, timeout=patience)
        except TimeoutError as error:
            raise ClusterError(f"The Dask scheduler at {address} has no workers. Start some: dask worker.") from error
        yield client


_HERE = ("tcp://127.0.0.1:", "tcp://localhost:", "tcp://[::1]:", "inproc://")
"""Addresses that other machines do not reach."""
