"""Streamlines at random, and a task over them that needs no model, for clusters to compute."""

import os
from dataclasses import dataclass, field

import h5py
import numpy as np
from dask.distributed import LocalCluster

from finta.coding.encoding import fill
from finta.coding.rows import RowFile
from tractography.files.headers import header_in_space
from tractography.files.pieces import TractogramFile
from tractography.files.streamlines import Streamlines
from tractography.writing.writers import open_writer


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


def filled(path, file, scheduler, on_step=lambda *_: None):
    columns = {"ends": (np.float32, (3,)), "process": (np.int64, ())}
    with RowFile(path, columns, file.count, {}) as rows:
        fill(rows, file.count, Ends(file), scheduler, "reading", on_step)
        rows.finish()
    with h5py.File(path) as written:
        return written["ends"][:], written["process"][:]
