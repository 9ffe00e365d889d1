"""What a verification costs beside its floor: ``python -m benchmarks.verification [--samples 1000,10000]``.

The floor is the four bare forward passes that a verification must make (reference and port, in float32 and in float64),
on the same streamlines in the same batches with the same threads, in the same process. A verification is ``verify
--probe FILE --all``: all four parts on 64 streamlines, then every layer compared on all of them. A few streamlines run
bare before either is timed, so that neither pays for the frameworks' first calls. Each count runs in a process of its
own, so that its peak memory is its own. With --no-bare only that is measured.
"""

import argparse
import os
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import h5py
import numpy as np

from benchmarks.ground.machine import name_machine
from finta import shipped
from tractography.batches.batches import draw_balanced


def write_streamlines(path: Path, count: int) -> None:
    """Write real streamlines, each with a little noise of its own so that none is another's copy."""
    held = draw_balanced(shipped.DIPY_BATCHES, 10**6).streamlines
    generator = np.random.default_rng(0)
    with h5py.File(path, "w") as file:
        stored = file.create_dataset(
            "test/bundle/streamline", (count, *held.shape[1:]), "<f4", chunks=(min(count, 1024), 256, 3)
        )
        for first in range(0, count, 1024):
            rows = np.arange(first, min(first + 1024, count))
            noise = generator.normal(0, 0.1, (len(rows), 1, 3)).astype(np.float32)
            stored[rows[0] : rows[-1] + 1] = held[rows % len(held)] + noise


def bare_passes(path: Path) -> float:
    """Seconds of the four forward passes over a file, and of nothing else."""
    import torch

    from finta.pair import FINTA
    from porting.pairs.finding import draw_probe
    from porting.port import side as keras_side
    from porting.port.files import in_precision, read_port
    from porting.proof.runs import load_reference, reference_inputs
    from porting.proof.streaming import BATCH
    from porting.reference import side as torch_side
    from porting.reference.files import read_checkpoint
    from tractography.batches.batches import read_in_batches

    checkpoint, port = shipped.TORCH_CHECKPOINT, shipped.KERAS_CHECKPOINT
    narrow, sizes, _ = load_reference(FINTA, read_checkpoint(checkpoint))
    wide = torch_side.in_precision(load_reference(FINTA, read_checkpoint(checkpoint))[0], "float64")
    probe = draw_probe(FINTA, sizes, None, 1)
    with keras_side.precision("float32"):
        narrow_port = read_port(port, FINTA, sizes, lambda: probe)
    with keras_side.precision("float64"):
        wide_port = in_precision(narrow_port, "float64", port, FINTA, sizes, probe)
    narrow.eval()
    wide.eval()
    seconds = 0.0
    for _, _, streamlines in read_in_batches(path, "test", BATCH):
        (given,) = reference_inputs(FINTA, type(probe)((streamlines,), ""))
        tensor, widened = torch.from_numpy(np.ascontiguousarray(given)), streamlines.astype(np.float64)
        started = time.perf_counter()
        with torch.no_grad():
            narrow(tensor)
            wide(tensor.double())
        with keras_side.precision("float32"):
            narrow_port(streamlines, training=False)
        with keras_side.precision("float64"):
            np.asarray(wide_port(widened, training=False))
        seconds += time.perf_counter() - started
    return seconds


def measure(count: int, with_bare: bool) -> None:
    """Verify and run bare in turn, and print one line; in a process of its own."""
    from porting import verify
    from porting.port import side as keras_side
    from porting.reference import side as torch_side

    torch_side.prepare()
    keras_side.prepare()
    with tempfile.TemporaryDirectory() as folder:
        path, few = Path(folder) / "streamlines.h5", Path(folder) / "few.h5"
        write_streamlines(path, count)
        write_streamlines(few, 64)
        bare_passes(few)
        started = time.perf_counter()
        report = verify(shipped.KERAS_CHECKPOINT, shipped.TORCH_CHECKPOINT, probe=path, every_sample=True)
        whole = time.perf_counter() - started
        memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
        assert report.verdict.value == "PASS", report
        assert report.probe["streamed"] == count
        bare = bare_passes(path) if with_bare else float("nan")
    print(f"{count:>8,}{bare:>10.1f} s{whole:>10.1f} s{whole / bare:>8.2f} x{memory:>10,.0f} MB", flush=True)


def main() -> None:
    """Measure each count in a process of its own."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--samples", default="1000,10000", help="counts, separated by commas")
    parser.add_argument("--no-bare", action="store_true", help="measure peak memory only")
    parser.add_argument("--one", type=int, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.one:
        measure(options.one, not options.no_bare)
        return
    print(name_machine())
    print(f"{'samples':>8}{'bare':>12}{'verified':>12}{'ratio':>10}{'peak memory':>13}")
    for count in options.samples.split(","):
        command = [sys.executable, "-m", "benchmarks.verification", "--one", count]
        command += ["--no-bare"] if options.no_bare else []
        subprocess.run(command, check=True, env=os.environ | {"TF_CPP_MIN_LOG_LEVEL": "3"})


if __name__ == "__main__":
    main()
