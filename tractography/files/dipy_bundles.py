"""Real, labelled streamlines that DIPY's wheel brings: 5 subjects x 3 bundles x 50 streamlines of 20 points."""

import zipfile
from pathlib import Path


def extract_minimal_bundles(folder: Path) -> list[Path]:
    """Unpack DIPY's ``minimal_bundles.zip``.

    Returns
    -------
    list of Path
        ``sub_N/BUNDLE.trk`` in `folder`, sorted; N from 1 to 5, BUNDLE one of AF_L, CC_ForcepsMajor and CST_R.
    """
    import dipy

    archive = Path(dipy.__file__).parent / "data" / "files" / "minimal_bundles.zip"
    with zipfile.ZipFile(archive) as packed:
        packed.extractall(folder)
    return sorted(folder.glob("sub_*/*.trk"))
