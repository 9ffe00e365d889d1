"""Rebuild the shipped checkpoint from DIPY's bundles: ``python checkpoints/rebuild.py [FOLDER]``.

Subjects 1-3 train, 4 is the ``thres`` split, 5 the test; every streamline in both point orders.
"""

import sys
import tempfile
from dataclasses import replace
from pathlib import Path

import torch
from rich.console import Console
from rich.progress import Progress
from torch import Tensor

from finta.batches.building import build_batches
from finta.recipe import SIMPLE
from finta.shipped import DIPY_BATCHES, TORCH_CHECKPOINT
from porting.jobs.conversion import convert
from porting.reports.console import render_report
from reference_torch.autoencoder import Autoencoder
from reference_torch.training import Epoch, mean_distance, train
from tractography.batches.batches import read_in_batches
from tractography.files.dipy_bundles import extract_minimal_bundles

RECIPE = replace(SIMPLE, batch_size=60, epochs=300)
"""The simple recipe with batches and epochs to suit 900 streamlines: 15 steps an epoch."""


def main(folder: Path) -> None:
    """Train, convert and certify into `folder`, replacing what is there."""
    console = Console()
    with tempfile.TemporaryDirectory() as temporary:
        extract_minimal_bundles(Path(temporary))
        bundles = sorted(Path(temporary).glob("sub_*"))
        build_batches(bundles[4:], folder / DIPY_BATCHES.name, splits=["test"], force=True)
        splits = ["train=sub_1,sub_2,sub_3", "thres=sub_4", "test=sub_5"]
        batches = build_batches(bundles, Path(temporary) / "all.h5", splits=splits).path
        training, validation, test = (both_orders(batches, split) for split in ("train", "thres", "test"))
    checkpoint = _train_with_progress(training, validation, console)
    model = Autoencoder()
    model.load_state_dict(checkpoint["state_dict"])
    console.print(f"kept epoch {checkpoint['epoch']}; mean distance of points to their reconstruction:")
    console.print(f"  training subjects {mean_distance(model, training):.2f} mm")
    console.print(f"  test subject      {mean_distance(model, test):.2f} mm")
    torch.save(checkpoint, folder / TORCH_CHECKPOINT.name)
    console.print(render_report(convert(folder / TORCH_CHECKPOINT.name, folder, force=True).report))


def both_orders(batches: Path, split: str) -> Tensor:
    """A split as (streamline, coordinate, point), each streamline in either point order, RAS+ mm."""
    forward = torch.cat([torch.from_numpy(rows) for _, _, rows in read_in_batches(batches, split, 1000)])
    return torch.cat([forward, forward.flip(1)]).transpose(1, 2).contiguous()


def _train_with_progress(training: Tensor, validation: Tensor, console: Console) -> dict:
    with Progress(console=console, disable=not console.is_terminal) as progress:
        task = progress.add_task("training", total=RECIPE.epochs)

        def show(epoch: Epoch) -> None:
            description = f"{epoch.training_loss:,.0f} training, {epoch.validation_loss:,.0f} thres, mm² a streamline"
            progress.update(task, advance=1, description=description)

        return train(training, validation, RECIPE, show)


if __name__ == "__main__":
    main(Path(sys.argv[1]) if len(sys.argv) > 1 else Path(__file__).parent)
