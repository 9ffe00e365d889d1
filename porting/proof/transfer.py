"""Move weights by a plan, and back: what a port holds, under the reference's names, as hashes of its bits."""

import hashlib
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from functools import partial
from typing import Any

import numpy as np

from porting.plans.parts import joined, whole_name
from porting.plans.plan import TransferPlan
from porting.port import side as keras_side
from porting.rules import patterns


def move_weights(
    plan: TransferPlan, state_dict: Mapping[str, np.ndarray], port, moved: Callable[[str], None] = lambda name: None
) -> None:
    """Assign every tensor of a state dict to its variable, in the port's axis order, one at a time.

    `moved` is told the reference's name of each tensor when it is in place.
    """
    transfers = {transfer.port: transfer for transfer in plan.transfers}

    def value(variable: str):
        transfer = transfers[variable]
        rearrange = partial(patterns.to_port, pattern=transfer.pattern, port_shape=transfer.port_shape)
        return transfer.gather(state_dict), rearrange

    def loaded(variable: str) -> None:
        for name in transfers[variable].references:
            moved(whole_name(name))

    keras_side.load_weights(port, value, loaded)


def hash_weights(named: Iterable[tuple[str, np.ndarray]]) -> dict[str, str]:
    """Hash the type, shape and bits of each tensor, two at a time while the next one is being fetched."""
    hashes: dict[str, str] = {}
    pending: deque[tuple[str, Future[str]]] = deque()
    with ThreadPoolExecutor(2) as pool:
        for name, array in named:
            pending.append((name, pool.submit(_hash_array, array)))
            while len(pending) > 2:
                first, future = pending.popleft()
                hashes[first] = future.result()
    return hashes | {name: future.result() for name, future in pending}


def _hash_array(array: np.ndarray) -> str:
    digest = hashlib.sha256(f"{array.dtype.str}{array.shape}".encode())
    digest.update(np.ascontiguousarray(array).data)
    return digest.hexdigest()


def weights_back(
    plan: TransferPlan, fetch: Callable[[str, Callable[[Any], Any]], np.ndarray]
) -> Iterator[tuple[str, np.ndarray]]:
    """A port's variables under the reference's names and in its axis order: the plan read from right to left."""
    yield from joined(parts_back(plan, fetch))


def parts_back(
    plan: TransferPlan, fetch: Callable[[str, Callable[[Any], Any]], np.ndarray]
) -> Iterator[tuple[str, np.ndarray]]:
    """The same, where a tensor that is several variables of the port comes part by part."""
    for transfer in plan.transfers:
        back = partial(patterns.to_reference, pattern=transfer.pattern, named=transfer.port)
        yield from transfer.parts(fetch(transfer.port, back))
