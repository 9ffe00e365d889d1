"""The shipped checkpoint in both frameworks, its certificate, its golden file and the streamlines it is verified on."""

from pathlib import Path

FOLDER = Path(__file__).parent
TORCH_CHECKPOINT = FOLDER / "finta_dipy.pt"
KERAS_CHECKPOINT = FOLDER / "finta_dipy.keras"
DIPY_BATCHES = FOLDER / "dipy_bundles_test.h5"
"""150 streamlines of 3 bundles of one subject, resampled to 256 points, in the ``test`` split."""
