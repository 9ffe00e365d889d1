"""What a conversion costs beside its floor: ``python -m benchmarks.conversion [--runs 5] [--large-gigabytes 2]``.

1. The whole process ``porting convert`` with its three-part verification and reload, against a process that only
   imports the two frameworks, reads the same file and writes as many bytes. Run in turn, so that a drift of the
   machine's speed falls on both.
2. Transfer and round trip of a checkpoint about 100 times larger, of Linear and Conv1d layers, against ``torch.load``
   and one write of as many bytes.
"""

import argparse
import os
import statistics
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

from benchmarks.ground.machine import name_machine
from finta import shipped

FLOOR = """
import sys, pathlib, torch, keras
torch.load(sys.argv[1], weights_only=True)
pathlib.Path(sys.argv[2]).write_bytes(bytes(int(sys.argv[3])))
"""

OWN_TIME = """
import sys, time, torch, keras
import porting.jobs.conversion, finta.pair, keras_model, reference_torch
started = time.perf_counter()
assert porting.convert(sys.argv[1], sys.argv[2]).report.verdict.value == "PASS"
print(time.perf_counter() - started)
"""

LARGE_FLOOR = """
import sys, time, pathlib, torch
started = time.perf_counter()
held = torch.load(sys.argv[1], weights_only=True)
print(time.perf_counter() - started)
content = b"".join(memoryview(tensor.numpy()).cast("B") for tensor in held.values())
started = time.perf_counter()
with open(sys.argv[2], "wb") as file:
    file.write(content)
print(time.perf_counter() - started)
"""

LARGE_TRANSFER = """
import sys, time, pathlib, torch, keras
import porting.jobs.conversion, benchmarks.ground.large_pair
from porting.port import runs as keras_runs, side as keras_side
from porting.reference import runs as torch_runs
from porting.proof.transfer import hash_weights, move_weights, weights_back
from porting.port.files import write_port
from porting.plans.mapper import plan_from_traces
from porting.pairs.finding import build_port, draw_probe
from porting.proof.runs import load_reference, reference_inputs
from porting.reference.files import read_checkpoint
pair = benchmarks.ground.large_pair.PAIR
started = time.perf_counter()
model, sizes, source = load_reference(pair, read_checkpoint(sys.argv[1]))
probe = draw_probe(pair, sizes, None, 1)
reference_trace = torch_runs.trace(model, reference_inputs(pair, probe))
hashes = hash_weights(source.state_dict.items())
source.release()
with keras_side.uninitialised():
    port = build_port(pair, sizes)
plan = plan_from_traces(pair, reference_trace, keras_runs.trace(port, probe.arrays))
print(time.perf_counter() - started)
move_weights(plan, source.state_dict, port, source.release)
write_port(port, pathlib.Path(sys.argv[2]))
print(time.perf_counter() - started)
assert hashes == hash_weights(weights_back(plan, keras_side.weight_getter(port)))
print(time.perf_counter() - started)
"""


@dataclass(frozen=True)
class Run:
    """One process: wall time in s, greatest resident memory in bytes, and the numbers that it printed."""

    wall: float
    memory: int
    printed: list[float]


def run(*command) -> Run:
    """Run a process and measure it from outside, once what earlier ones wrote is on the disk."""
    os.sync()
    environment = os.environ | {"TF_CPP_MIN_LOG_LEVEL": "3", "PYTHONPATH": str(Path(__file__).parents[1])}
    started = time.perf_counter()
    process = subprocess.Popen(list(map(str, command)), stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=environment)
    assert process.stdout is not None
    assert process.stderr is not None
    printed = process.stdout.read().decode()
    complaint = process.stderr.read().decode()
    _, status, usage = os.wait4(process.pid, 0)
    if status:
        sys.exit(f"{command[:3]} failed:\n{printed}\n{complaint}")
    numbers = [float(line) for line in printed.split() if line.replace(".", "", 1).isdigit()]
    return Run(time.perf_counter() - started, usage.ru_maxrss * 1024, numbers)


def compare_with_floor(folder: Path, runs: int) -> None:
    """Measure part 1 and print it."""
    source = shipped.TORCH_CHECKPOINT
    convert = sys.executable, "-m", "porting", "convert", source, "--force", "--output", folder / "port"
    run(*convert)
    written = sum(path.stat().st_size for path in folder.iterdir())
    floors, conversions, own = [], [], []
    for number in range(runs):
        floors.append(run(sys.executable, "-c", FLOOR, source, folder / "floor", written))
        conversions.append(run(*convert))
        own.append(run(sys.executable, "-c", OWN_TIME, source, folder / f"own{number}").printed[0])
    ratios = [ours.wall / floor.wall for ours, floor in zip(conversions, floors, strict=True)]
    print(f"\nporting convert of {source.name} ({source.stat().st_size / 1e6:.1f} MB), median of {runs} (range)")
    print_row("floor: imports, read, write", [floor.wall for floor in floors], "s")
    print_row("porting convert, whole process", [ours.wall for ours in conversions], "s")
    print_row("ratio, run by run (goal 1.6)", ratios, "x")
    print_row("own time without imports (goal 3 s)", own, "s")
    print_row("peak memory of the floor", [floor.memory / 1e6 for floor in floors], "MB")
    print_row("peak memory of porting convert", [ours.memory / 1e6 for ours in conversions], "MB")


def print_row(label: str, values: list[float], unit: str) -> None:
    """Print a median and its range."""
    spread = f"({min(values):,.2f} - {max(values):,.2f})"
    print(f"  {label:<38} {statistics.median(values):>9,.2f} {unit:<3} {spread}")


def transfer_large(folder: Path, gigabytes: float, runs: int) -> None:
    """Measure part 2 and print it."""
    large = folder / "large.pt"
    run(sys.executable, "-m", "benchmarks.ground.large_pair", large, gigabytes)
    size = large.stat().st_size
    for suffix in ("safetensors", "weights.h5", "keras"):
        floors, transfers = [], []
        for _ in range(runs):
            floors.append(run(sys.executable, "-c", LARGE_FLOOR, large, folder / "floor"))
            port = folder / f"port.{suffix}"
            transfers.append(run(sys.executable, "-c", LARGE_TRANSFER, large, port))
            port.unlink()
        floor_times = [sum(floor.printed) for floor in floors]
        ratios = [ours.printed[-1] / floor for ours, floor in zip(transfers, floor_times, strict=True)]
        print(f"\ntransfer and round trip of {size / 1e9:.2f} GB to .{suffix}, median of {runs} (range)")
        print_row("floor: torch.load and one write", floor_times, "s")
        print_row("read, hash, build and plan", [ours.printed[0] for ours in transfers], "s")
        print_row("... and moved and written", [ours.printed[1] for ours in transfers], "s")
        print_row("... and taken back, bit for bit", [ours.printed[2] for ours in transfers], "s")
        print_row("ratio, run by run (goal 2.5)", ratios, "x")
        print_row("peak memory / file (goal 2.5)", [ours.memory / size for ours in transfers], "x")


def main() -> None:
    """Run both parts."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--large-gigabytes", type=float, default=2.0, help="0 leaves part 2 out")
    options = parser.parse_args()
    print(name_machine())
    with tempfile.TemporaryDirectory() as folder:
        compare_with_floor(Path(folder), options.runs)
    if options.large_gigabytes:
        with tempfile.TemporaryDirectory() as folder:
            transfer_large(Path(folder), options.large_gigabytes, min(options.runs, 3))


if __name__ == "__main__":
    main()
