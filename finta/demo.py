"""What ``porting demo`` shows: a real checkpoint converted, proven and used on real streamlines."""

import tempfile
import time
from pathlib import Path

import numpy as np
from rich.console import Console

from finta.batches.building import build_batches
from finta.requirements import READERS
from finta.shipped import torch_checkpoint
from porting.commands.progress import steps
from porting.jobs.conversion import Conversion, convert
from porting.port import side as keras_side
from porting.records.parity import RATIO_LIMIT
from porting.reports.console import render_report
from porting.requirements import check_installed
from porting.statuses import Status
from porting.wording import counted
from tractography.batches.batches import BatchFile, read_in_batches
from tractography.files.dipy_bundles import extract_minimal_bundles

SPLITS = ("train=sub_1,sub_2,sub_3", "thres=sub_4", "test=sub_5")


def run_demo(console: Console) -> Status:
    """Build batches, convert, verify, encode and reconstruct; say in plain words what was proven."""
    check_installed(["torch", *READERS], "porting demo", "convert,streamlines")
    started = time.monotonic()
    with steps():
        keras_side.prepare()
    with tempfile.TemporaryDirectory() as folder:
        with steps() as on_step:
            on_step("building batches from DIPY's bundles")
            batches = build_batches([_bundles(Path(folder))], Path(folder) / "batches.h5", splits=SPLITS)
        _tell_batches(console, batches)
        with steps() as on_step:
            checkpoint = torch_checkpoint(Path(folder))
            conversion = convert(checkpoint, f"{folder}/port/", probe=batches.path, on_step=on_step)
        console.rule("2. Conversion: moved, written, reloaded from disk, verified")
        console.print(render_report(conversion.report))
        if conversion.files:
            _use(console, conversion, batches)
        _conclude(console, conversion, time.monotonic() - started)
    return conversion.report.verdict


def _bundles(folder: Path) -> Path:
    extract_minimal_bundles(folder / "bundles")
    return folder / "bundles"


def _tell_batches(console: Console, batches: BatchFile) -> None:
    console.rule("1. Streamlines: 5 subjects x 3 bundles of DIPY's real data")
    counts = ", ".join(f"{batches.total(split)} {split}" for split in batches.counts)
    console.print(f"{counts}; each resampled to {batches.point_count} points, RAS+ mm")


def _use(console: Console, conversion: Conversion, batches: BatchFile) -> None:
    from keras_model import load_autoencoder

    console.rule("3. Use: the Keras model alone, on the test subject")
    with steps() as on_step:
        on_step("encoding and reconstructing the test subject")
        model = load_autoencoder(next(path for path in conversion.files if path.suffix == ".keras"))
        lines = [_reconstruct(model, *held) for held in read_in_batches(batches.path, "test", 1000)]
    for line in lines:
        console.print(line)


def _reconstruct(model, name: str, _, streamlines: np.ndarray) -> str:
    latent_codes = np.asarray(model.encoder.predict_on_batch(streamlines))
    reconstructed = np.asarray(model.decoder.predict_on_batch(latent_codes))
    distance = np.linalg.norm(reconstructed - streamlines, axis=-1).mean()
    return (
        f"{name:<16} {counted(len(streamlines), 'streamline')} -> latent codes {latent_codes.shape}, "
        f"{distance:.1f} mm per point apart"
    )


def _conclude(console: Console, conversion: Conversion, seconds: float) -> None:
    console.rule("What was proven")
    report = conversion.report
    worst = max(row.float64_output_error or 0 for row in (*report.layers, *report.outputs))
    if report.verdict is Status.PASS:
        console.print(
            f"All {len(report.plan.transfers)} tensors are in the Keras model; taken back, they are the checkpoint bit "
            f"for bit. In float64 every layer, the latent code and the reconstruction agree to {worst:.0e}: the two "
            f"models are the same function. In float32 the port's error stays within {RATIO_LIMIT:g} times what "
            "rounding explains at every layer. How good the reconstruction above is depends on the checkpoint; the "
            "port changes nothing in it."
        )
    else:
        console.print(f"The verdict is {report.verdict.value}: see above for what was found or could not be checked.")
    console.print(f"{seconds:.0f} s")
