"""Streamlines for tests of training: random walks, a direction for each class."""

import numpy as np

from tractography.batches.batches import write_batches

DIRECTIONS = {"across": (1, 0, 0), "along": (0, 1, 0), "up": (0, 0, 1)}


def write_walks(path, points=64, count=12):
    """Write batches with ``train`` and ``thres`` splits; returns the path."""
    generator = np.random.default_rng(7)
    splits = {
        split: {name: _walks(direction, points, count, generator) for name, direction in DIRECTIONS.items()}
        for split in ("train", "thres")
    }
    write_batches(path, splits)
    return path


def _walks(direction, points, count, generator):
    steps = np.array(direction) + generator.normal(0, 0.3, (count, points, 3))
    return (steps.cumsum(axis=1) * 64 / points + generator.normal(0, 5, (count, 1, 3))).astype(np.float32)
