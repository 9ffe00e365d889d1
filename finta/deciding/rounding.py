"""How far apart float32 rounding may bring the reference and a port: by the reference itself in float32 and float64."""

from dataclasses import dataclass
from typing import Any

import numpy as np

from finta.coding.coders import Coder
from porting.records.parity import RATIO_LIMIT


@dataclass(frozen=True, slots=True)
class Rounding:
    """How far apart float32 rounding may bring the reference and a port.

    The reference computes a sample in float64, too. The port may round `RATIO_LIMIT` times as coarsely as the
    reference's worst of them, on the other side of the truth: 1 + `RATIO_LIMIT` times that error lies between both.

    Attributes
    ----------
    codes : float
        As a share of a code's norm.
    decoded : float
        Between points, in mm.
    """

    codes: float
    decoded: float


def measure_rounding(coder: Coder, streamlines: np.ndarray, draws: np.ndarray) -> Rounding:
    """Compare the reference in float32 with itself in float64.

    Parameters
    ----------
    coder : Coder
        The reference.
    streamlines : ndarray, (streamline, point, coordinate)
    draws : ndarray, (draw, latent)
    """
    import torch

    from finta.pair import FINTA
    from porting.proof.runs import load_reference
    from porting.reference.files import read_checkpoint

    model: Any = load_reference(FINTA, read_checkpoint(coder.path))[0].eval().double()
    with torch.inference_mode():
        codes = model.encode(torch.from_numpy(streamlines.astype(np.float64)).transpose(1, 2)).numpy()
        decoded = model.decode(torch.from_numpy(draws.astype(np.float64))).transpose(1, 2).numpy()
    apart = np.linalg.norm(coder.encode(streamlines) - codes, axis=1) / np.linalg.norm(codes, axis=1)
    factor = 1 + RATIO_LIMIT
    return Rounding(factor * float(apart.max()), factor * millimetres(coder.decode(draws), decoded))


def millimetres(decoded: np.ndarray, others: np.ndarray) -> float:
    """Greatest distance between the points of two decoders' streamlines; infinite where one is not finite."""
    apart = np.linalg.norm(np.asarray(decoded, np.float64) - others, axis=-1)
    return float(np.nan_to_num(apart, nan=np.inf).max(initial=0.0))
