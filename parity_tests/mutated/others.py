"""What other checks make of the same ports, as people run them: both models in float32, their outputs compared."""

from collections.abc import Sequence

import numpy as np
import torch

TOLERANCES = {"allclose 1e-3": 1e-3, "allclose 1e-4": 1e-4, "allclose 1e-5": 1e-5}


def accepted_by(reference: Sequence[np.ndarray], port: Sequence[np.ndarray]) -> list[str]:
    """Which checks accept a port by its float32 outputs, both in one axis order.

    ``numpy.allclose`` with each absolute tolerance and no relative one, ``torch.testing.assert_close`` with its
    defaults for float32 (relative 1.3e-6, absolute 1e-5), and the check of keras-hub's converters (1e-3 both).
    """
    both = list(zip(reference, port, strict=True))
    if any(ours.shape != theirs.shape for ours, theirs in both):
        return []
    found = [
        name
        for name, tolerance in TOLERANCES.items()
        if all(np.allclose(theirs, ours, rtol=0, atol=tolerance) for ours, theirs in both)
    ]
    if all(_is_close(ours, theirs) for ours, theirs in both):
        found.append("torch.testing.assert_close")
    if all(np.allclose(theirs, ours, rtol=1e-3, atol=1e-3) for ours, theirs in both):
        found.append("keras-hub's converters")
    return found


def _is_close(ours: np.ndarray, theirs: np.ndarray) -> bool:
    try:
        torch.testing.assert_close(torch.tensor(theirs), torch.tensor(ours).to(torch.tensor(theirs).dtype))
    except AssertionError:
        return False
    return True
