"""What a training step costs: ``python -m benchmarks.training.speed [--rounds 5] [--steps 4] [--batches FILE]``.

A step of the original recipe on 384 streamlines of 256 points in float32: forward, backward, Adam with L2. Keras by
`keras_model.training.trainer` on TensorFlow with XLA, on jax and on torch, against PyTorch's own loop, written out
here, eager and under ``torch.compile``. Each runs in a process of its own with the same threads, all on one batch; they
take turns, some steps each round, and only one computes at a time. Medians over the rounds. What compiling takes stands
apart.

The second table is how much of an epoch is left waiting for batches: the same steps fed by `BatchFeed` (contrastive
batches, read by two threads from a generated file), by the time that they wait for their batch.
"""

import argparse
import json
import os
import platform
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import IO

import h5py
import numpy as np

from finta.recipe import ORIGINAL

THREADS = os.cpu_count() or 1
KERAS = {
    "Keras on tensorflow": {"KERAS_BACKEND": "tensorflow", "TF_ENABLE_ONEDNN_OPTS": "0"},
    "the same with oneDNN": {"KERAS_BACKEND": "tensorflow", "TF_ENABLE_ONEDNN_OPTS": "1"},
    "Keras on jax": {"KERAS_BACKEND": "jax"},
    "Keras on torch": {"KERAS_BACKEND": "torch"},
}
"""Competitor -> what its process' environment says."""

TORCH = {"torch eager": False, "torch.compile": True}
TOTAL = 10_000
"""Steps of the schedule: more than are taken."""


def draw_batch() -> np.ndarray:
    """Random walks, (streamline, point, coordinate), as long as streamlines are."""
    walks = np.random.default_rng(0).normal(size=(ORIGINAL.batch_size, 256, 3)).cumsum(axis=1)
    return (2 * walks).astype(np.float32)


def torch_step(is_compiled: bool) -> Callable[[np.ndarray], float]:
    """PyTorch's own loop, as one would write it."""
    import torch

    from reference_torch.autoencoder import Autoencoder

    torch.set_num_threads(THREADS)
    model = Autoencoder()
    optimiser = torch.optim.Adam(model.parameters(), lr=1e-3, weight_decay=0.13)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimiser, max_lr=1e-3, total_steps=TOTAL)

    def loss(streamlines: torch.Tensor) -> torch.Tensor:
        codes = model.encode(streamlines)
        one, other, far, away = codes.chunk(4)
        attracted = (one - other).square().sum()
        repelled = (1.25 - (far - away).abs()).clamp(min=0).square().sum()
        return (model.decode(codes) - streamlines).square().sum() + 400 * (attracted + repelled)

    computed = torch.compile(loss) if is_compiled else loss

    def step(batch: np.ndarray) -> float:
        optimiser.zero_grad()
        value = computed(torch.from_numpy(batch).transpose(1, 2).contiguous())
        value.backward()
        optimiser.step()
        schedule.step()
        return value.item()

    return step


def keras_step() -> Callable[[np.ndarray], float]:
    """The trainer of this project on the backend in force."""
    from keras_model.training.trainer import build_trainer
    from porting.port import side as keras_side

    keras_side.prepare()
    if os.environ["KERAS_BACKEND"] == "torch":
        import torch

        torch.set_num_threads(THREADS)
    trainer = build_trainer(replace(ORIGINAL, epochs=1, steps_per_epoch=TOTAL))
    return lambda batch: trainer.step(batch).losses["total"]


def serve(name: str) -> None:
    """Take as many steps as each line of standard input says, and answer with their seconds."""
    step = torch_step(TORCH[name]) if name in TORCH else keras_step()
    batch = draw_batch()
    for line in sys.stdin:
        asked = json.loads(line)
        answer = timed_epoch(step, **asked) if "batches" in asked else timed(lambda: step(batch), asked["steps"])
        print(json.dumps(answer), flush=True)


def timed(step: Callable[[], float], count: int) -> dict[str, float]:
    """Seconds of some steps."""
    started = time.perf_counter()
    for _ in range(count):
        assert np.isfinite(step())
    return {"seconds": time.perf_counter() - started}


def timed_epoch(step: Callable[[np.ndarray], float], batches: str, steps: int) -> dict[str, float]:
    """Seconds of steps fed from a file, and how many of them went by waiting for a batch."""
    from tractography.batches.feeds import BatchFeed
    from tractography.batches.sampling import Contrastive
    from tractography.batches.sources import BatchSource

    with BatchSource(Path(batches)) as source:
        feed = BatchFeed(source, "train", Contrastive(ORIGINAL.batch_size // 4, 0.5), steps_per_epoch=steps)
        read, waited = feed.batches(0, steps, workers=2), 0.0
        started = time.perf_counter()
        for _ in range(steps):
            asked = time.perf_counter()
            batch = next(read)
            waited += time.perf_counter() - asked
            step(batch.streamlines)
        return {"seconds": time.perf_counter() - started, "waited": waited}


class Competitor:
    """A process that takes steps when it is asked to."""

    def __init__(self, name: str) -> None:
        threads = {"OMP_NUM_THREADS": str(THREADS), "TF_NUM_INTRAOP_THREADS": str(THREADS), "TF_CPP_MIN_LOG_LEVEL": "3"}
        environment = os.environ | threads | KERAS.get(name, {})
        command = [sys.executable, "-m", "benchmarks.training.speed", "--serve", name]
        pipe = subprocess.PIPE
        self._process = subprocess.Popen(command, stdin=pipe, stdout=pipe, text=True, env=environment)

    def ask(self, **what: object) -> dict[str, float]:
        """Let it take steps; its answer.

        Raises
        ------
        RuntimeError
            If it ended instead.
        """
        given, answered = _pipes(self._process)
        print(json.dumps(what), file=given, flush=True)
        if not (line := answered.readline()):
            raise RuntimeError(f"exit status {self._process.wait()}")
        return json.loads(line)

    def end(self) -> None:
        """Let it go."""
        _pipes(self._process)[0].close()
        self._process.wait()


def _pipes(process: subprocess.Popen) -> tuple[IO[str], IO[str]]:
    assert process.stdin
    assert process.stdout
    return process.stdin, process.stdout


def start() -> dict[str, Competitor]:
    """Start all that can run here, one after the other, and print what their first step takes."""
    running = {}
    for name in (*TORCH, *KERAS):
        competitor = Competitor(name)
        try:
            first = competitor.ask(steps=1)["seconds"]
        except RuntimeError as error:
            print(f"{name:<20} cannot run here: {error}")
            continue
        print(f"{name:<20} first step, with compiling {first:>6.1f} s", flush=True)
        running[name] = competitor
    return running


def compare(running: dict[str, Competitor], rounds: int, steps: int) -> dict[str, float]:
    """Median milliseconds of a step; all take turns."""
    found: dict[str, list[float]] = {name: [] for name in running}
    for number in range(rounds + 1):
        for name, competitor in running.items():
            seconds = competitor.ask(steps=steps)["seconds"] / steps
            if number:  # the first round warms up
                found[name].append(seconds * 1000)
    return {name: statistics.median(times) for name, times in found.items()}


def show(medians: dict[str, float]) -> None:
    """Print the steps' times and their ratios to torch's."""
    floors = {name: medians[name] for name in TORCH if name in medians}
    print(f"\n{'':<20}{'ms a step':>10}{'streamlines/s':>15}" + "".join(f"{'/ ' + name:>18}" for name in floors))
    for name, median in medians.items():
        ratios = "".join(f"{median / floor:>17.2f}x" for floor in floors.values())
        print(f"{name:<20}{median:>10.0f}{ORIGINAL.batch_size / median * 1000:>15,.0f}{ratios}")
    best = min((name for name in medians if name in KERAS), key=medians.__getitem__)
    ratio = medians[best] / min(floors.values())
    print(f"best: {best}, {ratio:.2f} x torch's faster one (goal 1.0 x)")


def write_batches(path: Path) -> Path:
    """A file in the published layout: 400 classes of 250 streamlines."""
    block = draw_batch()[:250]
    with h5py.File(path, "w") as file:
        for number in range(400):
            file.create_dataset(f"train/{number}/streamline", data=block + number / 100)
    return path


def show_waiting(running: dict[str, Competitor], steps: int, batches: Path | None) -> None:
    """Print the share of an epoch that goes by waiting for batches."""
    print(f"\nan epoch of {steps} steps fed from a file")
    with tempfile.TemporaryDirectory() as folder:
        path = batches or write_batches(Path(folder) / "batches.h5")
        for name, competitor in running.items():
            answer = competitor.ask(batches=str(path), steps=steps)
            share = answer["waited"] / answer["seconds"]
            print(f"{name:<20}{answer['seconds']:>7.1f} s, waiting for batches {share:.2%} (goal < 5 %)", flush=True)


def main() -> None:
    """Start all, let them take turns, print both tables."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--steps", type=int, default=4, help="steps a round")
    parser.add_argument("--epoch", type=int, default=30, help="steps of the epoch that is fed from a file")
    parser.add_argument("--batches", type=Path, help="a file with a split train; generated if not given")
    parser.add_argument("--serve", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.serve:
        serve(options.serve)
        return
    print(f"{platform.machine()}, {os.cpu_count()} cores, {THREADS} threads, Python {platform.python_version()}")
    running = start()
    show(compare(running, options.rounds, options.steps))
    show_waiting({name: held for name, held in running.items() if name in KERAS}, options.epoch, options.batches)
    for competitor in running.values():
        competitor.end()


if __name__ == "__main__":
    main()
