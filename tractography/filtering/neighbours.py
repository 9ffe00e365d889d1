"""The nearest of many latent codes: exact by scikit-learn, or approximate by FAISS with its recall measured."""

from typing import Any, Protocol

import numpy as np

from tractography.errors import FilteringError

LINKS = 32
"""Links of each node of the approximate index's graph (Malkov and Yashunin, 2020, doi 10.1109/TPAMI.2018.2889473)."""

BUILD_BREADTH, SEARCH_BREADTH = 200, 128
"""Candidates that it looks at when it is built, and when it is searched."""

SAMPLED = 1000
"""Queries that the recall is measured on."""


class Neighbours(Protocol):
    """Finds the nearest of the codes that it was built from."""

    def query(self, codes: np.ndarray, count: int) -> tuple[np.ndarray, np.ndarray]:
        """Euclidean distances and rows of the `count` nearest, nearest first.

        Parameters
        ----------
        codes : ndarray, (streamline, latent)
        count : int

        Returns
        -------
        distances : ndarray, (streamline, neighbour), float64
        rows : ndarray, (streamline, neighbour), int64
        """
        ...


class ExactNeighbours:
    """Compares with every code; products are summed in float64, so that close distances keep their order.

    Parameters
    ----------
    codes : ndarray, (row, latent)
    """

    def __init__(self, codes: np.ndarray) -> None:
        from sklearn.neighbors import NearestNeighbors

        self._codes = np.ascontiguousarray(codes, np.float32)
        self._index = NearestNeighbors(algorithm="brute").fit(self._codes)

    def query(self, codes: np.ndarray, count: int) -> tuple[np.ndarray, np.ndarray]:
        """As `Neighbours.query`."""
        rows = self._index.kneighbors(np.ascontiguousarray(codes, np.float32), count, return_distance=False)
        return _ordered(self._codes, codes, rows)


class ApproximateNeighbours:
    """Walks a graph of near codes (FAISS, HNSW): for references beyond a million codes. Distances are exact.

    Parameters
    ----------
    codes : ndarray, (row, latent)

    Raises
    ------
    FilteringError
        If FAISS is not installed.
    """

    def __init__(self, codes: np.ndarray) -> None:
        try:
            import faiss
        except ModuleNotFoundError as error:
            raise FilteringError("The approximate index needs FAISS: pip install 'porting[filter]'.") from error
        self._codes = np.ascontiguousarray(codes, np.float32)
        self._index: Any = faiss.IndexHNSWFlat(self._codes.shape[1], LINKS)
        self._index.hnsw.efConstruction = BUILD_BREADTH
        self._index.hnsw.efSearch = SEARCH_BREADTH
        self._index.add(self._codes)

    def query(self, codes: np.ndarray, count: int) -> tuple[np.ndarray, np.ndarray]:
        """As `Neighbours.query`; now and then a neighbour is missed."""
        _, rows = self._index.search(np.ascontiguousarray(codes, np.float32), count)
        return _ordered(self._codes, codes, rows)

    def recall(self, codes: np.ndarray, seed: int = 0) -> float:
        """Share of some codes' nearest neighbours that are found, by comparing with every code."""
        drawn = np.random.default_rng(seed).permutation(len(codes))[:SAMPLED]
        found, _ = self.query(codes[drawn], 1)
        nearest, _ = ExactNeighbours(self._codes).query(codes[drawn], 1)
        return float(np.mean(found <= nearest))


def _ordered(reference: np.ndarray, codes: np.ndarray, rows: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Distances to the rows found, computed from differences and not from products, and put in order."""
    rows = np.where(rows < 0, rows[:, :1], rows)  # FAISS found too few: the nearest counts for them, too
    differences = reference[rows].astype(np.float64) - np.asarray(codes, np.float64)[:, None]
    distances = np.sqrt(np.einsum("qnl,qnl->qn", differences, differences))
    order = np.argsort(distances, axis=1, kind="stable")
    return np.take_along_axis(distances, order, 1), np.take_along_axis(rows, order, 1)
