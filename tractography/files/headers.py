"""What a tractogram file says besides its streamlines: the image space they lie in, and its format's own fields."""

from dataclasses import dataclass
from typing import Any

import numpy as np


@dataclass(frozen=True, slots=True, eq=False)
class Header:
    """What a tractogram file, or an image, says of the space that streamlines lie in.

    Attributes
    ----------
    suffix : str
        Of the file it was read from.
    affine : ndarray, (4, 4), or None
        From voxel to RAS+ mm. TCK files have none.
    dimensions : tuple of three int, or None
        The image's voxels along each axis.
    voxel_sizes : tuple of three float, mm
    voxel_order : str
        ``"RAS"``, ``"LPS"`` ...
    trk : bytes
        A TRK file's header, 1000 bytes, little-endian.
    tck : tuple of (str, str)
        A TCK file's fields but those that say how its bytes lie.
    """

    suffix: str
    affine: np.ndarray | None = None
    dimensions: tuple[int, ...] | None = None
    voxel_sizes: tuple[float, ...] = ()
    voxel_order: str = ""
    trk: bytes = b""
    tck: tuple[tuple[str, str], ...] = ()

    @property
    def has_space(self) -> bool:
        """Whether TRK and TRX files can be written with it."""
        return self.affine is not None and self.dimensions is not None


def header_in_space(suffix: str, affine: np.ndarray, dimensions: Any) -> Header:
    """Describe an image space by its affine, (4, 4), voxel to RAS+ mm, and dimensions, as DIPY does."""
    from nibabel.affines import voxel_sizes
    from nibabel.orientations import aff2axcodes

    sizes, order = tuple(voxel_sizes(affine).tolist()), "".join(aff2axcodes(affine))
    return Header(suffix, affine, tuple(map(int, dimensions)), sizes, order)
