"""Where the generators that models draw from are, and draws from there: torch's, and those of Python and numpy."""

import random
from collections.abc import Hashable, Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np


def state() -> Any:
    """Where torch's generator is."""
    import torch

    return torch.get_rng_state()


def others() -> Hashable:
    """Where Python's generator and numpy's are."""
    _, values, *where = np.random.get_state()  # noqa: NPY002 - models draw from it
    return random.getstate(), np.asarray(values).tobytes(), tuple(where)


@contextmanager
def drawing_from(state: Any) -> Iterator[None]:
    """Draw the numbers that follow a state of torch's generator, and leave the generator where it is."""
    import torch

    with torch.random.fork_rng(devices=[]):
        torch.set_rng_state(state)
        yield


@contextmanager
def seeded(seed: int, seed_of_others: int) -> Iterator[None]:
    """Let torch draw what follows a seed, and Python and numpy what follows another; all are left where they are."""
    import torch

    of_python, of_numpy = random.getstate(), np.random.get_state()  # noqa: NPY002
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        random.seed(seed_of_others)
        np.random.seed(seed_of_others)  # noqa: NPY002
        try:
            yield
        finally:
            random.setstate(of_python)
            np.random.set_state(of_numpy)  # noqa: NPY002
