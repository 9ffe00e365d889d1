"""The shipped checkpoint in both frameworks, its certificate, its golden file and the streamlines it is verified on.

A clone keeps them in ``checkpoints/``; a wheel brings them within this package, all but the PyTorch checkpoint, which
`torch_checkpoint` writes from the port.
"""

from pathlib import Path

_INSTALLED = Path(__file__).parent / "checkpoints"
FOLDER = _INSTALLED if _INSTALLED.is_dir() else Path(__file__).parents[1] / "checkpoints"
TORCH_CHECKPOINT = FOLDER / "finta_dipy.pt"
"""Only in a clone: see `torch_checkpoint`."""
KERAS_CHECKPOINT = FOLDER / "finta_dipy.keras"
DIPY_BATCHES = FOLDER / "dipy_bundles_test.h5"
"""150 streamlines of 3 bundles of one subject, resampled to 256 points, in the ``test`` split."""


def torch_checkpoint(folder: Path) -> Path:
    """Give the PyTorch checkpoint: a clone's, or one exported from the port into `folder`, which holds the same bits.

    Parameters
    ----------
    folder : path
        An existing folder to write to, where the checkpoint was not shipped.

    Returns
    -------
    path
        ``finta_dipy.pt``.

    Raises
    ------
    PortingError
        If PyTorch is not installed, or the file cannot be written.
    """
    if TORCH_CHECKPOINT.is_file():
        return TORCH_CHECKPOINT
    from porting.jobs.exporting import export

    return export(KERAS_CHECKPOINT, folder / TORCH_CHECKPOINT.name)
