"""Images that streamlines are checked against: a mask of white matter, and the peaks of fibre orientations."""

import math
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from tractography.errors import GenerationError

FA_THRESHOLD = 0.1
_TOLERANCE_MM = 1e-3
_LARGEST_RATIO = 1100
"""How much larger than a file its voxels can be: gzip packs 1,032 times at most."""


@dataclass(frozen=True, slots=True, eq=False)
class Space:
    """Where an image's voxels lie.

    Attributes
    ----------
    source : str
        The image's file.
    affine : ndarray, (4, 4)
        From voxel indices to RAS+ mm; whole indices are the centres of voxels.
    shape : tuple of three int
    """

    source: str
    affine: np.ndarray
    shape: tuple[int, ...]

    def voxels(self, points: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Find the voxel whose centre is nearest to each point.

        Parameters
        ----------
        points : ndarray, (..., coordinate), RAS+ mm

        Returns
        -------
        voxels : ndarray, (..., axis), int64
            Of a point outside the volume, or one that is not finite: voxel 0, 0, 0.
        inside : ndarray, (...), bool
        """
        inverse = np.linalg.inv(self.affine)
        places = np.floor(points @ inverse[:3, :3].T + inverse[:3, 3] + 0.5)
        inside = np.all((places >= 0) & (places < np.array(self.shape)), axis=-1, keepdims=True)
        return np.where(inside, places, 0).astype(np.int64), inside[..., 0]


@dataclass(frozen=True, slots=True, eq=False)
class Mask:
    """Which voxels are white matter.

    Attributes
    ----------
    space : Space
    voxels : ndarray, (x, y, z), bool
    """

    space: Space
    voxels: np.ndarray

    def contains(self, points: np.ndarray) -> np.ndarray:
        """Say of each point, (..., coordinate) in RAS+ mm, whether its voxel is in the mask; outside the volume: no."""
        voxels, inside = self.space.voxels(points)
        return self.voxels[tuple(np.moveaxis(voxels, -1, 0))] & inside


@dataclass(frozen=True, slots=True, eq=False)
class Peaks:
    """Directions in which the fibre orientation distribution of a voxel is greatest.

    Attributes
    ----------
    space : Space
    directions : ndarray, (x, y, z, peak, coordinate), float32
        Of unit length, in RAS+ axes; 0 where there is no peak.
    """

    space: Space
    directions: np.ndarray

    def around(self, points: np.ndarray) -> np.ndarray:
        """Give the peaks of each point's voxel, (..., peak, coordinate); 0 outside the volume."""
        voxels, inside = self.space.voxels(points)
        return self.directions[tuple(np.moveaxis(voxels, -1, 0))] * inside[..., None, None]


def read_mask(path: str | os.PathLike, threshold: float = 0.0) -> Mask:
    """Read a mask, a parcellation, or with a threshold a map of fractional anisotropy (FA).

    Parameters
    ----------
    path : path
        A 3-D image.
    threshold : float
        Voxels above it are in the mask: 0 for masks and parcellations, `FA_THRESHOLD` for FA.

    Raises
    ------
    GenerationError
        If it is missing, unreadable, of other dimensions or not finite, or nothing is above the threshold.
    """
    with _opened(path) as image:
        shape = image.shape
        if len(shape) == 4 and shape[3] == 1:
            shape = shape[:3]
        if len(shape) != 3:
            raise GenerationError(f"has the shape {image.shape}, a mask must have three dimensions: x, y, z.")
        values = np.asarray(image.dataobj).reshape(shape)
        if not np.isfinite(values).all():
            raise GenerationError("holds NaN or infinite values. Set them to 0.")
        if not (voxels := values > threshold).any():
            raise GenerationError(f"has no voxel above {threshold:g}. Check that it is the mask meant.")
        return Mask(_space_of(path, image), voxels)


def read_peaks(path: str | os.PathLike, frame: str = "world") -> Peaks:
    """Read peaks as DIPY and MRtrix write them.

    Parameters
    ----------
    path : path
        A 4-D image, (x, y, z, 3 peak), or a 5-D one, (x, y, z, peak, coordinate). Lengths are of no account; a peak
        that is 0, or NaN as MRtrix has it, is none.
    frame : str
        What the coordinates refer to: ``world``, the axes of RAS+ space as in MRtrix, or ``voxel``, the image's axes,
        as DIPY has them where the gradients were given so.

    Raises
    ------
    GenerationError
        If it is missing, unreadable, of other dimensions, infinite, or without any peak.
    """
    with _opened(path) as image:
        shape = image.shape
        if not ((len(shape) == 4 and shape[3] % 3 == 0) or (len(shape) == 5 and shape[4] == 3)):
            raise GenerationError(
                f"has the shape {shape}, peaks must have x, y, z, three times their number, or x, y, z, peak, 3."
            )
        if frame not in ("world", "voxel"):
            raise GenerationError(f"cannot be read in the frame {frame!r}, which must be world or voxel.")
        values = np.array(image.dataobj, np.float32).reshape(*shape[:3], -1, 3)
        if np.isinf(values).any():
            raise GenerationError("holds infinite values. Compute the peaks again.")
        space = _space_of(path, image)
        if frame == "voxel":
            axes = space.affine[:3, :3] / np.linalg.norm(space.affine[:3, :3], axis=0)
            values = values @ axes.T.astype(np.float32)
        return Peaks(space, _unit(values))


def _unit(values: np.ndarray) -> np.ndarray:
    values[np.isnan(values).any(axis=-1)] = 0
    lengths = np.linalg.norm(values, axis=-1, keepdims=True)
    if not lengths.any():
        raise GenerationError("holds no peak. Check that it is the image meant.")
    return np.divide(values, lengths, out=values, where=lengths > 0)


def check_same_space(first: Space, second: Space) -> None:
    """Check that two images have the same voxels.

    Raises
    ------
    GenerationError
        If their shapes differ, or any voxel's corner lies elsewhere; it names both.
    """
    if first.shape != second.shape:
        facts = [(space.source, "shape " + " x ".join(map(str, space.shape))) for space in (first, second)]
        _refuse_spaces(facts, "shapes")
    corners = np.array(np.meshgrid(*[(0, size) for size in first.shape], [1])).reshape(4, -1)
    apart = np.abs((first.affine - second.affine) @ corners).max()
    if apart > _TOLERANCE_MM:
        facts = [(space.source, f"affine {np.round(space.affine[:3], 4).tolist()}") for space in (first, second)]
        _refuse_spaces(facts, f"affines, corners up to {apart:.3g} mm apart")


def _refuse_spaces(facts: list[tuple[str, str]], what: str) -> None:
    listed = "".join(f"\n  {source}   {fact}" for source, fact in facts)
    raise GenerationError(f"The images have other {what}.{listed}\nBring them to the same voxels first.")


@contextmanager
def _opened(path: str | os.PathLike) -> Iterator[Any]:
    """Open an image, and name its file in what is said of it."""
    import nibabel

    if not Path(path).is_file():
        raise GenerationError(f"No image at {path}: no such file.")
    try:
        image: Any = nibabel.load(path)
        declared = math.prod(image.shape) * image.get_data_dtype().itemsize
        if declared > _LARGEST_RATIO * (size := Path(path).stat().st_size):
            raise GenerationError(f"declares {declared:,} bytes of voxels, and has {size:,}. Copy it again.")
        yield image
    except GenerationError as error:
        raise GenerationError(f"{path} {error}") from error
    except Exception as error:  # nibabel raises whatever its parsing trips over
        reason = next(iter(str(error).splitlines()), type(error).__name__)
        raise GenerationError(f"{path} cannot be read as an image: {reason}. Give a NIfTI file.") from error


def _space_of(path: str | os.PathLike, image: Any) -> Space:
    affine = np.asarray(image.affine, np.float64)
    if not np.isfinite(affine).all() or abs(np.linalg.det(affine[:3, :3])) < 1e-9:
        raise GenerationError(f"has an affine that cannot be inverted: {affine[:3].tolist()}. Correct its header.")
    return Space(str(path), affine, image.shape[:3])
