"""Latent codes for TensorBoard's projector, which opens on the newest, in the colours of their classes.

The projector shows first what comes first by name, and colours points of itself by their pictures alone: so the newest
codes are called such, and each point's picture is a square of its class' colour.
"""

import math
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from finta.pages.colours import colour_classes
from porting.files.placement import written_whole

CODES, SQUARES = "latent_codes", "squares.png"
SQUARE = 8
"""Pixels of a point's picture, along each side."""


def write_codes(folder: Path, step: int, codes: np.ndarray, classes: Sequence[str]) -> None:
    """Write codes, (streamline, latent), and list those of earlier steps behind them.

    Those of later steps, of a run that was interrupted and gone on with, are listed no more.
    """
    place = folder / f"{step:09}" / CODES
    place.mkdir(parents=True, exist_ok=True)
    np.savetxt(place / "tensors.tsv", codes, "%.7g", delimiter="\t")
    named = (" ".join(name.split()) or "-" for name in classes)
    (place / "metadata.tsv").write_text("".join(f"{name}\n" for name in named), encoding="utf-8")
    _write_squares(place / SQUARES, classes)
    steps = sorted(int(held.parents[1].name) for held in folder.glob(f"[0-9]*/{CODES}/{SQUARES}"))
    listed = [held for held in reversed(steps) if held <= step]
    with written_whole(folder / "projector_config.pbtxt") as draft:
        draft.write_text("".join(_entry(held, is_newest=held == step) for held in listed))


def _entry(step: int, *, is_newest: bool) -> str:
    name = f"{CODES} newest, step {step:09}" if is_newest else f"{CODES} step {step:09}"
    place = f"{step:09}/{CODES}"
    return (
        f'embeddings {{\n  tensor_name: "{name}"\n  tensor_path: "{place}/tensors.tsv"\n'
        f'  metadata_path: "{place}/metadata.tsv"\n  sprite {{\n    image_path: "{place}/{SQUARES}"\n'
        f"    single_image_dim: {SQUARE}\n    single_image_dim: {SQUARE}\n  }}\n}}\n"
    )


def _write_squares(path: Path, classes: Sequence[str]) -> None:
    """Write a square of each point's colour, row by row, as the projector takes them."""
    from matplotlib.image import imsave

    names, numbers = np.unique(classes, return_inverse=True)
    side = math.ceil(math.sqrt(len(classes)))
    squares = np.ones((side * side, 3))
    squares[: len(classes)] = colour_classes(len(names))[numbers]
    imsave(path, squares.reshape(side, side, 3).repeat(SQUARE, axis=0).repeat(SQUARE, axis=1))
