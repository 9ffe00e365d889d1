"""What the verifier catches: ``python -m benchmarks.faults [--only PATTERN] [--json FILE]``.

1. Every planted fault at two scales of the input: is the verdict FAIL, is the fault located, is its cause named, and
   would ``numpy.allclose`` of the final outputs have accepted the port?
2. Right ports: is the verdict ever FAIL? On each backend, in a process of its own; not with ``--only``.

Exits with 1 where a goal is missed.
"""

import argparse
import fnmatch
import json
import logging
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from functools import cache
from pathlib import Path

import numpy as np

from benchmarks.ground.machine import name_machine
from porting import PortingError, Status, convert
from porting.port import side as keras_side

keras_side.prepare()

import keras
import torch

from parity_tests.porting.causes.fault import Fault, place_of, write_checkpoint
from parity_tests.porting.causes.faults import FAULTS
from parity_tests.porting.causes.planted.right_ports import RIGHT
from parity_tests.porting.zoo import pairs as zoo

SCALES = (1.0, 0.01)
TOLERANCES = (1e-3, 1e-4, 1e-5)
RIGHT_SEEDS = {"tensorflow": range(1, 10), "jax": range(1, 2), "torch": range(1, 5)}
"""Seeds for the right ports; few on JAX, which compiles every operation of every port anew."""

GOALS = {"FAIL": 1.0, "located": 0.97, "named": 0.90, "misnamed": 0.0}


@dataclass(frozen=True)
class Row:
    """One planted fault at one scale, and what was made of it.

    Attributes
    ----------
    found : list of str
        Each divergence with its causes, in words.
    accepted : list of float
        Absolute tolerances at which ``numpy.allclose`` finds the outputs equal.
    """

    fault: str
    kind: str
    scale: float
    verdict: str
    located: bool
    has_word: bool
    named: bool
    misnamed: bool
    found: list[str]
    accepted: list[float]
    seconds: float


def measure(name: str, fault: Fault, scale: float, checkpoint: Path, folder: Path) -> Row:
    """Plant a fault, verify the port, and judge the verdict."""
    keras.utils.set_random_seed(0)
    started = time.perf_counter()
    report = fault.judge(checkpoint, folder, scale)
    divergences = report.divergences
    verdict = report.verdict.value
    if not fault.expected and report.training.status is not Status.FAIL:
        verdict = f"training {report.training.status.value}"
    return Row(
        fault=name,
        kind=f"{fault.kind}, two at once" if " + " in name else fault.kind,
        scale=scale,
        verdict=verdict,
        located=fault.is_located(divergences),
        has_word=any(finding.causes for finding in fault.expected),
        named=all(finding.is_named(divergences) for finding in fault.expected),
        misnamed=any(finding.is_misnamed(divergences) for finding in fault.expected),
        found=[
            f"{' '.join(place_of(found))} ({found.error:.0e}, {found.seen_on}): "
            f"{', '.join(cause.name for cause in found.causes) or 'no cause'}"
            for found in divergences
        ],
        accepted=[
            tolerance
            for tolerance in TOLERANCES
            if all(
                ours.shape == theirs.shape and np.allclose(ours.astype(np.float32), theirs, atol=tolerance, rtol=0)
                for ours, theirs in report.evidence.outputs.values()
            )
        ],
        seconds=time.perf_counter() - started,
    )


def run_faults(pattern: str, folder: Path) -> Iterator[Row]:
    """Measure every fault whose name fits the pattern, printing what goes wrong."""
    checkpoint_of = cache(lambda name: write_checkpoint(name, folder))
    chosen = {name: fault for name, fault in FAULTS.items() if fnmatch.fnmatch(name, pattern)}
    for number, (name, fault) in enumerate(chosen.items(), start=1):
        for scale in SCALES[: 1 if fault.pair == "siamese" else None]:
            try:
                row = measure(name, fault, scale, checkpoint_of(fault.pair), folder)
            except PortingError as error:
                message = str(error).splitlines()[0]
                row = Row(name, fault.kind, scale, message, False, bool(fault.expected), False, False, [], [], 0)
            print(f"{number:>4}/{len(chosen)} x{scale:<5g}{row.seconds:5.1f} s  {verdict_on(row)}", flush=True)
            yield row


def verdict_on(row: Row) -> str:
    """A line on one row: short where all is well."""
    wrong = [
        word
        for word, is_so in (
            (row.verdict, row.verdict != "FAIL"),
            ("NOT LOCATED", not row.located),
            ("NOT NAMED", not row.named),
            ("MISNAMED", row.misnamed),
        )
        if is_so
    ]
    if not wrong:
        return row.fault
    expected = [
        f"{finding.where} {finding.reference}: {' or '.join(sorted(finding.causes)) or 'no word'}"
        for finding in FAULTS[row.fault].expected
    ]
    return "\n       ".join(
        [f"{row.fault} [{FAULTS[row.fault].pair}]  {', '.join(wrong)}", f"expected {expected}", f"found    {row.found}"]
    )


def shares(rows: Sequence[Row]) -> dict[str, float]:
    """The share of rows for each goal; of those that there is a word for, where names are counted."""
    worded = [row for row in rows if row.has_word]
    return {
        "FAIL": np.mean([row.verdict == "FAIL" for row in rows]),
        "located": np.mean([row.located for row in rows]),
        "named": np.mean([row.named for row in worded]) if worded else 1.0,
        "misnamed": np.mean([row.misnamed for row in rows]),
    }


def print_table(rows: Sequence[Row]) -> None:
    """Print one line for each kind of fault, and one for all."""
    header = ["planted", "FAIL", "located", "named", "misnamed", *(f"atol {tolerance:g}" for tolerance in TOLERANCES)]
    print(f"\n{'':<34}" + "".join(f"{word:>11}" for word in header) + "   (allclose accepts)")
    kinds = sorted({row.kind for row in rows})
    for kind in (*kinds, *(f"input x {scale:g}" for scale in SCALES), "all"):
        chosen = [row for row in rows if kind in (row.kind, f"input x {row.scale:g}", "all")]
        if chosen:
            worded = [row for row in chosen if row.has_word]
            cells = [
                len(chosen),
                sum(row.verdict == "FAIL" for row in chosen),
                sum(row.located for row in chosen),
                f"{sum(row.named for row in worded)}/{len(worded)}",
                sum(row.misnamed for row in chosen),
                *(sum(tolerance in row.accepted for row in chosen) for tolerance in TOLERANCES),
            ]
            print(f"{kind:<34}" + "".join(f"{cell:>11}" for cell in cells))


def run_right_ports(backend: str) -> list[dict]:
    """Convert and verify right ports in a process of its own; each as a record."""
    command = [sys.executable, "-m", "benchmarks.faults", "--right-ports"]
    environment = os.environ | {"KERAS_BACKEND": backend, "TF_CPP_MIN_LOG_LEVEL": "3"}
    records = []
    with subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, text=True) as process:
        for line in process.stdout or ():
            records.append(json.loads(line))
            if records[-1]["verdict"] not in ("PASS", "NOT CHECKED"):
                print(f"  FALSE ALARM {records[-1]}", flush=True)
    if process.returncode:
        sys.exit(f"The right ports on {backend} stopped after {len(records)}, with status {process.returncode}.")
    return records


def convert_right_ports() -> None:
    """Print a record for each right port on this process's backend."""
    backend = keras.backend.backend()
    with tempfile.TemporaryDirectory() as folder:
        for seed in RIGHT_SEEDS[backend]:
            for name, pair in RIGHT.items():
                if "trained" in name and seed > 1:
                    continue
                checkpoint = write_checkpoint(name, Path(folder), seed)
                for scale in SCALES:
                    print(json.dumps(right_port(name, pair, seed, scale, checkpoint, Path(folder))), flush=True)


def right_port(name: str, pair, seed: int, scale: float, checkpoint: Path, folder: Path) -> dict:
    """Convert one and say what came of it."""
    started = time.perf_counter()
    record = {"port": name, "seed": seed, "scale": scale, "backend": keras.backend.backend()}
    try:
        report = convert(checkpoint, folder / "port", pair=zoo.scaled(pair, scale), force=True).report
        record["verdict"] = report.verdict.value
        if report.verdict is Status.FAIL:
            record["parts"] = {part: about.status.value for part, about in report.parts.items()}
            record["lines"] = [
                line for about in report.parts.values() if about.status is Status.FAIL for line in about.lines
            ]
    except PortingError as error:
        record["verdict"] = f"{type(error).__name__}: {error}"
    return record | {"seconds": time.perf_counter() - started}


def main() -> None:
    """Run both parts and hold them against the goals."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", default="", help="names of faults, with * and ?; leaves the right ports out")
    parser.add_argument("--json", type=Path, help="write every row to this file")
    parser.add_argument("--no-faults", action="store_true", help="the right ports only")
    parser.add_argument("--right-ports", action="store_true", help=argparse.SUPPRESS)
    options = parser.parse_args()
    logging.getLogger("tensorflow").setLevel(logging.ERROR)  # it takes many models for one traced anew
    torch.set_num_threads(1)  # two threads wait for each other where other processes run
    if options.right_ports:
        convert_right_ports()
        return
    print(name_machine())
    missed, rows, records = [], [], []
    if not options.no_faults:
        with tempfile.TemporaryDirectory() as folder:
            rows = list(run_faults(options.only or "*", Path(folder)))
        print_table(rows)
        missed = misses(rows)
    if not options.only:
        records = [record for backend in RIGHT_SEEDS for record in run_right_ports(backend)]
        print_right_ports(records)
        alarms = [record for record in records if record["verdict"] not in ("PASS", "NOT CHECKED")]
        missed += [f"{len(alarms)} false alarms"] if alarms else []
    if options.json:
        content = {"faults": [asdict(row) for row in rows], "right": records, "missed": missed}
        options.json.write_text(json.dumps(content, indent=1))
    if missed:
        sys.exit(f"Missed: {'; '.join(missed)}")


def misses(rows: Sequence[Row]) -> list[str]:
    """The goals that the rows miss."""
    reached = shares(rows)
    return [
        f"{name} {reached[name]:.1%}, goal {goal:.0%}"
        for name, goal in GOALS.items()
        if (reached[name] > goal if name == "misnamed" else reached[name] < goal)
    ]


def print_right_ports(records: Sequence[dict]) -> None:
    """Print a line for each backend."""
    print(f"\n{'right ports':<34}{'ports':>11}{'PASS':>11}{'unproven':>11}{'FAIL':>11}{'s each':>11}")
    for backend in (*RIGHT_SEEDS, "all"):
        chosen = [record for record in records if backend in (record["backend"], "all")]
        verdicts = [record["verdict"] for record in chosen]
        passed, unproven = verdicts.count("PASS"), verdicts.count("NOT CHECKED")
        each = np.mean([record["seconds"] for record in chosen])
        alarms = len(chosen) - passed - unproven
        print(f"{backend:<34}{len(chosen):>11}{passed:>11}{unproven:>11}{alarms:>11}{each:>11.1f}")


if __name__ == "__main__":
    main()
