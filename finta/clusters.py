"""Compute ranges in this process, or on the workers of a Dask cluster."""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from itertools import islice
from typing import Any

from finta.errors import ClusterError
from finta.rows import Range
from finta.tasks import Rows, Task, compute_here

PATIENCE = 30
"""Seconds to wait for the scheduler, and for its first worker."""

WAITING = 4
"""Ranges that wait for each thread of a worker, so that none is ever idle."""


def compute(task: Task, ranges: Iterable[Range], scheduler: str | None = None) -> Iterator[tuple[Range, Rows]]:
    """Compute each range once, here in their order, or on a cluster in the order in which they are ready.

    Should a worker die, its ranges are computed by another.

    Parameters
    ----------
    task : Task
    ranges : iterable of Range
    scheduler : str, optional
        Address of the cluster's scheduler.

    Raises
    ------
    ClusterError
        If the cluster cannot be reached, has no workers, or loses them over one range again and again.
    """
    return _compute_there(task, ranges, scheduler) if scheduler else compute_here(task, ranges)


def _compute_there(task: Task, ranges: Iterable[Range], scheduler: str) -> Iterator[tuple[Range, Rows]]:
    with _client(scheduler) as client:
        from dask.distributed import KilledWorker, as_completed

        # A result of the cluster's, which it makes again should all who hold it die; scattered data it could not.
        held_task = client.submit(_same, task, pure=False)
        left = iter(ranges)

        def submit(held: Range) -> Any:
            return client.submit(_run, held_task, held, key=f"range-{held.number}", pure=False)

        threads = sum(client.nthreads().values())
        running = as_completed([submit(held) for held in islice(left, WAITING * threads)], with_results=False)
        try:
            for future in running:
                yield future.result()
                future.release()
                for held in islice(left, 1):
                    running.add(submit(held))
        except KilledWorker as error:
            raise ClusterError(
                f"Workers of {scheduler} died over one range again and again: {error}. See their logs; they may lack "
                "memory. What is computed is kept: go on with --resume."
            ) from error


def _same(task: Task) -> Task:
    return task


def _run(task: Task, held: Range) -> tuple[Range, Rows]:
    return held, task(held)


@contextmanager
def _client(scheduler: str) -> Iterator[Any]:
    try:
        from dask.distributed import Client
    except ModuleNotFoundError as error:
        raise ClusterError("--scheduler needs Dask: pip install 'porting[cluster]'.") from error
    try:
        client = Client(scheduler, timeout=PATIENCE, set_as_default=False)
    except (OSError, ValueError) as error:
        raise ClusterError(
            f"No Dask scheduler answers at {scheduler}: {error}. Give the address that it printed at its start, "
            "tcp://HOST:PORT."
        ) from error
    with client:
        try:
            client.wait_for_workers(1, timeout=PATIENCE)
        except TimeoutError as error:
            raise ClusterError(f"The Dask scheduler at {scheduler} has no workers. Start some: dask worker.") from error
        yield client
