"""How fast tractograms are encoded and filtered, file to files: ``python -m benchmarks.bundles.encoding``.

Streamlines are DIPY's bundles at 100 points, moved a little each, in a TRK file.
Beside the commands, in the same run and on the same two threads: the encoder alone on streamlines that are in memory
and resampled already, in torch (eager), onnxruntime, Keras (`predict_on_batch`) and as the commands compile it.

``--large N`` encodes and filters N streamlines as well, each in a process of its own, to compare peak memory;
``--workers`` encodes on a Dask cluster of one worker and of two.
"""

import argparse
import json
import os
import platform
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np

from finta.coding.coders import BATCH_SIZE, open_coder
from finta.coding.encoding import encode_tractogram
from finta.filtering.filtered import Settings
from finta.filtering.filtering import filter_tractogram
from finta.filtering.thresholding import judge, write_thresholds
from finta.shipped import KERAS_CHECKPOINT, TORCH_CHECKPOINT
from porting.port import side as keras_side
from tractography.files.dipy_bundles import extract_minimal_bundles
from tractography.files.references import header_of
from tractography.files.streamlines import Streamlines
from tractography.files.tractograms import read_streamlines, resample
from tractography.writing.writers import open_writer

POINTS = 100
AT_ONCE = 50_000
GOAL = 0.8
BARE_COUNT = 10 * BATCH_SIZE


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--count", type=int, default=100_000, help="streamlines")
    parser.add_argument("--large", type=int, default=0, help="streamlines, to compare memory")
    parser.add_argument("--workers", action="store_true", help="one and two workers of a Dask cluster")
    parser.add_argument("--only", nargs=3, metavar=("COMMAND", "TRACTOGRAM", "FOLDER"), help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    keras_side.prepare()
    if arguments.only:
        command, tractogram, folder = arguments.only
        print(json.dumps(run_command(command, Path(tractogram), Path(folder))))
        return
    print(f"{platform.machine()}, {os.cpu_count()} cores")
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        atlas = prepare(folder)
        small = make_tractogram(folder / "small.trk", arguments.count, atlas)
        bare = tell_bare()
        tell_commands(small, folder, arguments.count, bare)
        if arguments.large:
            large = make_tractogram(folder / "large.trk", arguments.large, atlas)
            tell_commands(large, folder, arguments.large, bare)
        if arguments.workers:
            tell_workers(small, folder, arguments.count)


def prepare(folder: Path) -> Path:
    """Unpack the bundles and derive thresholds; the first subject is the atlas."""
    extract_minimal_bundles(folder / "bundles")
    atlas = folder / "bundles" / "sub_1"
    judged = judge(KERAS_CHECKPOINT, atlas, folder / "bundles" / "sub_2")
    write_thresholds(folder / "thresholds.json", judged.rocs())
    return atlas


def make_tractogram(path: Path, count: int, atlas: Path) -> Path:
    """Write `count` streamlines a piece at a time."""
    bundles = sorted(atlas.glob("*.trk"))
    lines = np.concatenate([resample(read_streamlines(bundle), POINTS) for bundle in bundles])
    generator = np.random.default_rng(0)
    with open_writer(path, header_of(bundles[0])) as writer:
        for first in range(0, count, AT_ONCE):
            some = min(AT_ONCE, count - first)
            moved = lines[generator.integers(len(lines), size=some)] + generator.normal(size=(some, 1, 3))
            writer.append(Streamlines.alike(moved.astype(np.float32)))
    return path


def tell_bare() -> float:
    """Measure the encoder alone; return the rate of Keras' own forward pass."""
    streamlines = np.random.default_rng(0).normal(size=(BARE_COUNT, 256, 3)).cumsum(axis=1).astype(np.float32)
    port = open_coder(KERAS_CHECKPOINT)
    from keras_model import load_autoencoder

    encoder = load_autoencoder(KERAS_CHECKPOINT).encoder
    computers: dict[str, Callable[[np.ndarray], object]] = {
        "keras, predict_on_batch": encoder.predict_on_batch,
        f"{port.framework}, compiled": port.encode_batch,
        "torch, eager": open_coder(TORCH_CHECKPOINT).encode_batch,
    }
    if onnx := onnx_encoder():
        computers["onnxruntime"] = onnx
    rates = {name: rate(compute, streamlines) for name, compute in computers.items()}
    for name, its in rates.items():
        print(f"encoder alone, {name:32} {its:8,.0f} streamlines/s")
    return rates["keras, predict_on_batch"]


def rate(compute: Callable[[np.ndarray], object], streamlines: np.ndarray) -> float:
    """Streamlines per second: the better of two passes."""
    compute(streamlines[:BATCH_SIZE])
    seconds = []
    for _ in range(2):
        started = time.perf_counter()
        for first in range(0, len(streamlines), BATCH_SIZE):
            compute(streamlines[first : first + BATCH_SIZE])
        seconds.append(time.perf_counter() - started)
    return len(streamlines) / min(seconds)


def onnx_encoder() -> Callable[[np.ndarray], object] | None:
    """The encoder in onnxruntime, where it and torch's exporter are installed."""
    try:
        import onnxruntime
        import onnxscript  # noqa: F401  - torch's exporter needs it
        import torch
    except ModuleNotFoundError:
        print("onnxruntime: not measured, it or onnxscript is not installed")
        return None
    from porting.reference.files import read_checkpoint
    from reference_torch import Autoencoder

    model = Autoencoder()
    model.load_state_dict(
        {name: torch.tensor(held) for name, held in read_checkpoint(TORCH_CHECKPOINT).state_dict.items()}
    )
    model.forward = model.encode  # type: ignore[method-assign]
    with tempfile.TemporaryDirectory() as folder:
        path = f"{folder}/encoder.onnx"
        torch.onnx.export(model.eval(), (torch.zeros(BATCH_SIZE, 3, 256),), path, dynamo=True, verbose=False)
        session = onnxruntime.InferenceSession(path)
    name = session.get_inputs()[0].name
    return lambda batch: session.run(None, {name: np.ascontiguousarray(batch.transpose(0, 2, 1))})


def run_command(command: str, tractogram: Path, folder: Path, scheduler: str | None = None) -> dict[str, float]:
    """Run a command in this process: seconds, and peak memory in GB."""
    started = time.perf_counter()
    if command == "encode":
        encode_tractogram(tractogram, KERAS_CHECKPOINT, folder / "codes.h5", force=True, scheduler=scheduler)
    else:
        settings = Settings(folder / "bundles" / "sub_1", folder / "thresholds.json")
        filter_tractogram(tractogram, KERAS_CHECKPOINT, folder / "filtered", settings, force=True)
    seconds = time.perf_counter() - started
    return {"seconds": seconds, "memory": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6}


def tell_commands(tractogram: Path, folder: Path, count: int, bare: float) -> None:
    """Measure encode and filter, each in a process of its own, from the start of the work to the last file."""
    for command in ("encode", "filter"):
        arguments = [
            sys.executable,
            "-m",
            "benchmarks.bundles.encoding",
            "--only",
            command,
            str(tractogram),
            str(folder),
        ]
        printed = subprocess.run(arguments, check=True, capture_output=True, text=True).stdout
        measured = json.loads(printed.splitlines()[-1])
        its = count / measured["seconds"]
        print(
            f"{command} {count:>9,} file to files: {its:8,.0f} streamlines/s, {its / bare:.2f} x Keras' own pass "
            f"(goal {GOAL}); peak {measured['memory']:.2f} GB; 1e9 would take {1e9 / its / 86400:.1f} days"
        )


def tell_workers(tractogram: Path, folder: Path, count: int) -> None:
    """Encode on a cluster of this machine."""
    from dask.distributed import LocalCluster

    rates = {}
    for workers in (1, 2):
        with LocalCluster(n_workers=workers, threads_per_worker=1, dashboard_address=None) as cluster:
            run_command("encode", tractogram, folder, cluster.scheduler_address)  # loads and compiles the model there
            measured = run_command("encode", tractogram, folder, cluster.scheduler_address)
        rates[workers] = count / measured["seconds"]
    print(f"Dask: one worker {rates[1]:,.0f} streamlines/s, two {rates[2]:,.0f}: {rates[2] / rates[1]:.2f} x")


if __name__ == "__main__":
    main()
