"""The converted model from DIPY: reconstruct, encode and classify the bundles that DIPY brings.

    python docs/dipy_example.py

DIPY's networks take weights from a path and `predict`; so does this one. The subject is the one that the shipped
checkpoint was not trained on.
"""

import tempfile
from pathlib import Path

import numpy as np
from dipy.io.streamline import load_tractogram

from finta.dipy_model import Finta
from tractography.files.dipy_bundles import extract_minimal_bundles

with tempfile.TemporaryDirectory() as folder:
    subjects = {"sub_1": {}, "sub_5": {}}
    for path in extract_minimal_bundles(Path(folder)):
        if path.parent.name in subjects:
            subjects[path.parent.name][path.stem] = load_tractogram(str(path), "same", bbox_valid_check=False)
atlas, bundles = subjects["sub_1"], subjects["sub_5"]

model = Finta()  # Finta("converted/NAME.keras") for weights of your own

for name, tractogram in bundles.items():
    codes = model.encode(tractogram)  # (streamline, 32)
    reconstructed = model.predict(tractogram)  # DIPY's Streamlines, 256 points each, RAS+ mm
    print(f"{name:<16} {len(tractogram)} streamlines -> codes {codes.shape} -> {len(reconstructed[0])} points each")

thresholds = dict.fromkeys(atlas, np.inf)  # keep all; `finta thresholds` finds useful ones
for name, tractogram in bundles.items():
    found = model.classify(tractogram, atlas, thresholds)
    print(f"{name:<16} {found.count(name) / len(found):.0%} nearest to the same bundle of another subject")
