"""Batch files in every layout that HDF5 has for them."""

import h5py
import numpy as np

POINTS = 16
SIZES = {"train": {"10": 70, "9": 2, "1": 40, "empty": 0, "ü": 5}, "test": {"9": 3}}

GROWING = {"maxshape": (None, POINTS, 3)}
LAYOUTS = {
    "contiguous": {},
    "chunked": {"chunks": (8, POINTS, 3), **GROWING},
    "compressed": {"chunks": (8, POINTS, 3), "compression": "gzip", **GROWING},
    "chunks across points": {"chunks": (8, 4, 1), **GROWING},
    "float64": {"dtype": "<f8"},
    "big-endian": {"dtype": ">f4"},
}


def make(path, sizes=SIZES, userblock=0, **storage):
    """A batch file in the published layout in which every streamline differs from every other."""
    generator = np.random.default_rng(5)
    with h5py.File(path, "w", userblock_size=userblock) as file:
        for split, classes in sizes.items():
            for name, count in classes.items():
                streamlines = generator.normal(size=(count, POINTS, 3)).astype(np.float32)
                file.create_dataset(f"{split}/{name}/streamline", data=streamlines, **storage)
    return path


def contents(path, split="train"):
    with h5py.File(path) as file:
        return np.concatenate([group["streamline"][:] for group in file[split].values()]).astype(np.float32)
