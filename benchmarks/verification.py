"""What a verification costs beside its floor: ``python -m benchmarks.verification [--samples 1000,10000]``.

The floor is the four bare forward passes that a verification must make (reference and port, in float32 and in float64),
on the same streamlines in the same batches with the same threads, in the same process. A verification is ``verify
--probe FILE --all``: all four parts on 64 streamlines, then every layer compared on all of them. A few streamlines run
bare before either is timed, so that neither pays for the frameworks' first calls. Each count runs in a process of its
own, so that its peak memory is its own. With --no-bare only that is measured.

``--large`` verifies others' networks of published sizes on 16 samples (``pip install '.[public]'``): peak memory, and
processor time beside that of one forward and one backward pass of each model in each precision. ``--growth`` verifies
chains of 25 to 400 Dense layers: processor time, and how it grows.
"""

import argparse
import os
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

import h5py
import numpy as np

from benchmarks.ground.machine import name_machine, prepare_frameworks
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


LARGE = ("resnet50", "vit_b16", "bert_base")
GROWTH = (25, 50, 100, 200, 400)
WIDTH = 16


def measure_large(name: str) -> None:
    """Verify a large pair, and print a line; in a process of its own."""
    import torch

    from benchmarks.public import torchvision_beside_cpu  # noqa: F401
    from benchmarks.public.large import LARGE as PAIRS
    from benchmarks.public.truth import as_trained
    from porting import convert, verify
    from porting.pairs.finding import draw_probe

    pair = PAIRS[name]()
    with tempfile.TemporaryDirectory() as folder:
        checkpoint, port = Path(folder) / "model.pt", Path(folder) / "port"
        torch.save(as_trained(pair, draw_probe(pair, {}, None, 2)).state_dict(), checkpoint)
        convert(checkpoint, port, pair=pair, formats=("weights.h5",), keep_failed=True)
        port = port.with_name("port.weights.h5")
        started = time.process_time()
        report = verify(port, checkpoint, pair=pair)
        whole = time.process_time() - started
        memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
        bare = bare_gradients(pair, checkpoint, port)
    figures = f"{bare:>10.1f} s{whole:>10.1f} s{whole / bare:>8.2f} x{memory:>10,.0f} MB"
    print(f"{name:>12}  {report.verdict.value:<12}{figures}", flush=True)


def bare_gradients(pair, checkpoint: Path, port: Path, samples: int = 1) -> float:
    """Processor seconds of one pass forward and one backward of each model in each precision, on the pair's probe."""
    import tensorflow as tf
    import torch

    from porting.pairs.finding import draw_probe
    from porting.port import side as keras_side
    from porting.port.files import in_precision, read_port
    from porting.proof.runs import load_reference, reference_inputs
    from porting.reference import side as torch_side
    from porting.reference.files import read_checkpoint

    model, sizes, _ = load_reference(pair, read_checkpoint(checkpoint))
    probe = draw_probe(pair, sizes, None, samples)
    with keras_side.precision("float32"):
        narrow = read_port(port, pair, sizes, probe)
    seconds = 0.0
    for precision in ("float32", "float64"):
        torch_side.in_precision(model, precision).eval()
        given = torch_side.tensors_of(model, reference_inputs(pair, probe))
        started = time.process_time()
        torch.stack([out.sum() for out in torch_side.call(model, given)]).sum().backward()
        seconds += time.process_time() - started
        with keras_side.precision(precision):
            held = narrow if precision == "float32" else in_precision(narrow, precision, port, pair, sizes, probe)
            arrays = keras_side.cast(probe.arrays)
            started = time.process_time()
            with tf.GradientTape() as tape:
                outputs = keras_side.outputs_of(keras_side.call(held, arrays), held)
                total = tf.add_n([tf.reduce_sum(out) for out in outputs])
            tape.gradient(total, [variable.value for variable in held.trainable_variables])
            seconds += time.process_time() - started
    return seconds


def measure_growth(count: int) -> None:
    """Plan and verify a chain of so many Dense layers, and print a line; in a process of its own."""
    import keras
    import torch

    from porting import ModelPair, convert, derive_plan, verify

    def port():
        given = value = keras.Input((WIDTH,))
        for number in range(count):
            value = keras.layers.Dense(WIDTH, "tanh", name=f"layer_{number}")(value)
        return keras.Model(given, value)  # Keras builds a Sequential anew for each layer that it reads from a file

    def reference():
        linear = (torch.nn.Linear(WIDTH, WIDTH) for _ in range(count))
        return torch.nn.Sequential(*(module for layer in linear for module in (layer, torch.nn.Tanh())))

    pair = ModelPair(name="chain", reference=reference, port=port, input_shapes=((WIDTH,),))
    with tempfile.TemporaryDirectory() as folder:
        checkpoint = Path(folder) / "model.pt"
        torch.save(reference().state_dict(), checkpoint)
        convert(checkpoint, Path(folder) / "port", pair=pair)
        started = time.process_time()
        derive_plan(checkpoint, pair=pair)
        planned = time.process_time() - started
        report = verify(Path(folder) / "port.keras", checkpoint, pair=pair)
        whole = time.process_time() - started
    share = 1000 * whole / count
    print(f"{count:>8}{planned:>10.1f} s{whole:>10.1f} s{share:>8.0f} ms a layer  {report.verdict.value}", flush=True)


def main() -> None:
    """Measure each count in a process of its own."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--samples", default="1000,10000", help="counts, separated by commas")
    parser.add_argument("--no-bare", action="store_true", help="measure peak memory only")
    parser.add_argument("--large", nargs="*", choices=LARGE, help="networks of published sizes; all if none is named")
    parser.add_argument("--growth", action="store_true", help="chains of Dense layers")
    parser.add_argument("--one", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.one:
        measure_one(options.one, not options.no_bare)
        return
    print(name_machine())
    if options.large is not None:
        print(f"{'':>12}  {'verdict':<12}{'bare':>12}{'verified':>12}{'ratio':>10}{'peak memory':>13}")
        run_each([f"large:{name}" for name in options.large or LARGE])
        return
    if options.growth:
        print(f"{'layers':>8}{'plan':>12}{'with proof':>12}")
        run_each([f"growth:{count}" for count in GROWTH])
        return
    print(f"{'samples':>8}{'bare':>12}{'verified':>12}{'ratio':>10}{'peak memory':>13}")
    run_each(options.samples.split(","), *(["--no-bare"] if options.no_bare else []))


def run_each(what: Sequence[str], *more: str) -> None:
    """Measure each in a process of its own, with oneDNN off, so that no other process is measured with it."""
    environment = os.environ | {"TF_CPP_MIN_LOG_LEVEL": "3", "TF_ENABLE_ONEDNN_OPTS": "0"}
    for one in what:
        subprocess.run(
            [sys.executable, "-m", "benchmarks.verification", "--one", one, *more], check=True, env=environment
        )


def measure_one(what: str, with_bare: bool) -> None:
    """Measure what a word says."""
    prepare_frameworks()
    kind, _, name = what.rpartition(":")
    if kind == "large":
        measure_large(name)
    elif kind == "growth":
        measure_growth(int(name))
    else:
        measure(int(name), with_bare)


if __name__ == "__main__":
    main()
