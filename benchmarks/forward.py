"""How fast written ports run: ``python -m benchmarks.forward [NAME ...] [--rounds 7]``.

Forward passes of what `porting.write` writes, compiled on tensorflow (as a graph, and by XLA) and on jax, against the
torch model itself, eager and under ``torch.compile``: float32, the same samples, threads and weights drawn at random.
Each runs in a process of its own; they take turns, and only one computes at a time. Medians over the rounds; what
compiling takes is left out. Needs what `benchmarks.writing` needs.
"""

import argparse
import json
import math
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import IO, Any

import numpy as np

from benchmarks.ground.machine import name_machine
from benchmarks.ground.models import SEVERAL

THREADS = os.cpu_count() or 1
BACKENDS = ("tensorflow", "jax")
COPIES = 4
"""Each model of the census has two samples as input: they are given so many times at once."""

SECONDS = 0.5
"""What a turn lasts."""

RUNNERS = {
    "torch eager": {},
    "torch.compile": {},
    "tensorflow": {"KERAS_BACKEND": "tensorflow"},
    "tensorflow, XLA": {"KERAS_BACKEND": "tensorflow"},
    "jax": {"KERAS_BACKEND": "jax"},
}
"""Competitor -> what its process' environment says."""


def write_port(name: str, folder: Path) -> None:
    """Write the port's source, and the inputs of both models."""
    from benchmarks.public.census import CENSUS
    from porting.reference.tensors import computed
    from porting.writing.examples import read_example
    from porting.writing.model import write_model
    from porting.writing.pair_file import ports_inputs
    from porting.writing.references import find_reference

    given = [np.concatenate([tensor.numpy()] * COPIES) for tensor in CENSUS[name].inputs()]
    np.savez(folder / "torch.npz", *given)
    reference = find_reference(CENSUS[name].build, {}, {})
    model = reference.build().eval()
    if computed.find_computed(model):
        computed.settle(model)
    example = read_example(folder / "torch.npz")
    written = write_model(model, reference, example)
    (folder / "port.py").write_text(written.text)
    np.savez(folder / "keras.npz", *ports_inputs(written, example))


def arrays_of(path: Path) -> list[np.ndarray]:
    """The arrays of a file, in order."""
    with np.load(path) as held:
        return [held[name] for name in held.files]


def torch_pass(name: str, folder: Path, is_compiled: bool) -> Callable[[], Any]:
    """The torch model on its inputs."""
    import torch

    from benchmarks.public.census import CENSUS

    torch.set_num_threads(THREADS)
    model = CENSUS[name].build().eval()
    inputs = [torch.from_numpy(array) for array in arrays_of(folder / "torch.npz")]
    run = torch.compile(model) if is_compiled else model

    def forward() -> Any:
        with torch.inference_mode():
            return run(*inputs)

    return forward


def keras_pass(folder: Path, runner: str) -> Callable[[], Any]:
    """The written port on its inputs, compiled."""
    sys.path.insert(0, str(folder))
    import keras
    from port import build  # pyright: ignore[reportMissingImports]

    model, arrays = build(), arrays_of(folder / "keras.npz")
    inputs = [keras.ops.convert_to_tensor(array) for array in arrays]
    held = inputs[0] if len(inputs) == 1 else inputs
    if runner == "jax":
        import jax

        values = [
            [variable.value for variable in kind] for kind in (model.trainable_variables, model.non_trainable_variables)
        ]
        run = jax.jit(lambda *given: model.stateless_call(*given, training=False)[0])
        return lambda: jax.block_until_ready(run(*values, held))
    import tensorflow as tf

    graph = tf.function(lambda given: model(given, training=False), jit_compile=runner.endswith("XLA"))
    return lambda: tf.nest.map_structure(lambda tensor: tensor.numpy(), graph(held))


def serve(name: str, folder: Path, runner: str) -> None:
    """Compile; then run for a turn for each line of standard input, and answer with the milliseconds of a pass."""
    forward = torch_pass(name, folder, runner == "torch.compile") if "torch" in runner else keras_pass(folder, runner)
    for _ in range(3):
        forward()
    print("ready", flush=True)
    for _ in sys.stdin:
        count, started = 0, time.perf_counter()
        while (taken := time.perf_counter() - started) < SECONDS or count < 3:
            forward()
            count += 1
        print(json.dumps(1000 * taken / count), flush=True)


def measure(name: str, rounds: int) -> dict[str, float]:
    """Milliseconds of a pass of each competitor; without end where it does not run."""
    with tempfile.TemporaryDirectory() as folder:
        called = [sys.executable, "-m", "benchmarks.forward", name, "--in", folder]
        subprocess.run([*called, "--write"], check=True, env=os.environ | {"TF_CPP_MIN_LOG_LEVEL": "3"})
        processes = {runner: _started([*called, "--serve", runner], more) for runner, more in RUNNERS.items()}
        ready = {runner: _line(process.stdout) == "ready" for runner, process in processes.items()}
        turns: dict[str, list[float]] = {runner: [] for runner in processes}
        for _ in range(rounds):
            for runner in (runner for runner in processes if ready[runner]):
                turns[runner].append(_turn(processes[runner]))
        for process in processes.values():
            process.kill()
            process.wait()
    return {runner: statistics.median(held or [math.inf]) for runner, held in turns.items()}


def _started(command: list[str], more: dict[str, str]) -> subprocess.Popen:
    environment = os.environ | {"TF_CPP_MIN_LOG_LEVEL": "3"} | more
    return subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=environment)


def _line(stream: IO[str] | None) -> str:
    assert stream is not None
    return stream.readline().strip()


def _turn(process: subprocess.Popen) -> float:
    assert process.stdin is not None
    process.stdin.write("\n")
    process.stdin.flush()
    return float(_line(process.stdout))


def main() -> None:
    """Write, serve, or print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument(
        "names", nargs="*", metavar="NAME", help=f"models of the census; if not given {', '.join(SEVERAL)}"
    )
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--in", dest="folder", type=Path, help=argparse.SUPPRESS)
    parser.add_argument("--write", action="store_true", help=argparse.SUPPRESS)
    parser.add_argument("--serve", choices=RUNNERS, help=argparse.SUPPRESS)
    chosen = parser.parse_args()
    if chosen.write:
        write_port(chosen.names[0], chosen.folder)
    elif chosen.serve:
        serve(chosen.names[0], chosen.folder, chosen.serve)
    else:
        tabulate(chosen.names or SEVERAL, chosen.rounds)


def tabulate(names: Sequence[str], rounds: int) -> None:
    """Print a row for each model."""
    print(name_machine())
    heads = [*(f"{runner:>16}" for runner in RUNNERS), *(f"{backend:>12} x" for backend in BACKENDS)]
    print(f"{'ms a pass':<24}", *heads, flush=True)
    won = dict.fromkeys(BACKENDS, 0)
    for name in names:
        row = measure(name, rounds)
        ratios = {backend: _faster(row, backend) for backend in BACKENDS}
        figures = [*(f"{held:>16.2f}" for held in row.values()), *(f"{held:>14.2f}" for held in ratios.values())]
        print(f"{name:<24}", *figures, flush=True)
        won = {backend: count + (ratios[backend] >= 1) for backend, count in won.items()}
    print("at least as fast as torch eager:", ", ".join(f"{count} on {backend}" for backend, count in won.items()))


def _faster(row: dict[str, float], backend: str) -> float:
    """How many times as fast as torch eager the better way of a backend is."""
    return row["torch eager"] / min(held for runner, held in row.items() if runner.startswith(backend))


if __name__ == "__main__":
    main()
