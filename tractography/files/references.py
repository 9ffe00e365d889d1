"""The image space that tractograms are written in, where what they are made from has none."""

import os
from pathlib import Path
from typing import Any

import numpy as np

from tractography.errors import TractogramError
from tractography.files.formats import format_of
from tractography.files.headers import Header, header_in_space
from tractography.files.pieces import read_header


def header_of(path: str | os.PathLike) -> Header:
    """Read the image space of a NIfTI image or of a tractogram, to write TRK and TRX files in.

    Parameters
    ----------
    path : path
        Of a ``.nii``, ``.nii.gz``, ``.trk`` or ``.trx`` file.

    Raises
    ------
    TractogramError
        If it cannot be read, or says nothing of an image space.
    """
    path = Path(path)
    if format_of(path):
        header = read_header(path)
        if not header.has_space:
            raise TractogramError(f"{path} says nothing of an image space. Give a NIfTI image or a TRK file.")
        return header
    if not path.is_file():
        raise TractogramError(f"No reference at {path}: no such file.")
    import nibabel

    try:
        image: Any = nibabel.load(path)
        affine, dimensions = np.asarray(image.affine, np.float64), image.shape[:3]
        return header_in_space("", affine, dimensions)
    except Exception as error:  # nibabel raises whatever its parsing trips over
        raise TractogramError(f"{path} is no reference: {error}. Give a NIfTI image or a TRK file.") from error
