"""The devices and processes that share a training, whatever framework computes on them."""

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True, slots=True)
class Devices:
    """How many train together, and which process this is.

    Attributes
    ----------
    count : int
        Devices of all processes.
    process_count : int
    process : int
        From 0; the first writes the files of a run, and speaks for all.
    """

    count: int = 1
    process_count: int = 1
    process: int = 0

    @property
    def is_first(self) -> bool:
        """Whether this process writes and speaks."""
        return self.process == 0

    def greatest(self, number: int) -> int:
        """The greatest of a number that each process gives; each waits for all, so all must ask."""
        if self.process_count == 1:
            return number
        from jax.experimental import multihost_utils

        return int(np.max(multihost_utils.process_allgather(np.int32(number))))


ONE = Devices()
"""One device in one process."""
