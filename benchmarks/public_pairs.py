"""Pairs that others maintain, and whether the verdict on each is true: ``python -m benchmarks.public_pairs [NAME]``.

Both sides of every pair come from the package index (``pip install '.[public]'`` in an environment of its own); nothing
is downloaded besides: models are small, or smaller than published, and their weights drawn as if trained.

The truth is measured without the verdict: both models' outputs in float64, with the port's weights in place, and where
they differ once more with the known difference taken away from the reference. A verdict is true if it is PASS where
outputs agree to rounding, and FAIL with the name of each difference where they do not; where no plan tensor by tensor
exists, if what is refused is named. With --report the whole verdict on a pair is printed.
"""

import argparse
import os
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from benchmarks.ground.machine import name_machine, prepare_frameworks
from benchmarks.public.catalogue import NAMES, find
from benchmarks.public.description import PublicPair

LIMIT = 900
"""Seconds that one pair may take before it is given up."""


def judge(found: PublicPair, folder: Path) -> tuple[str, str, Path | None, object]:
    """The verdict on a pair, what it says, the port's file, and the reference with its weights."""
    import torch

    from benchmarks.public.truth import as_trained
    from porting import PortingError, convert
    from porting.pairs.finding import draw_probe
    from porting.reports.console import as_text

    pair = found.describe()
    model = as_trained(pair, draw_probe(pair, {}, None, 32))
    torch.save(model.state_dict(), folder / "model.pt")
    try:
        formats = tuple(dict.fromkeys((*found.formats, "weights.h5")))
        conversion = convert(folder / "model.pt", folder / "port", pair=pair, formats=formats, keep_failed=True)
    except PortingError as error:
        return "refused", f"{type(error).__name__}: {error}", None, model
    weights = next(path for path in conversion.files if path.name.endswith(".weights.h5"))
    return conversion.report.verdict.value, as_text(conversion.report, 160), weights, model


def is_true(found: PublicPair, verdict: str, said: str) -> bool:
    """Whether the verdict is the one that is right, with each difference named."""
    return verdict == found.expected and all(word in said for word in found.words)


def measure(name: str, with_report: bool) -> None:
    """Judge one pair and print its row; in a process of its own, whose peak memory is the pair's."""
    prepare_frameworks()
    found = find(name)
    with tempfile.TemporaryDirectory() as folder:
        started = time.perf_counter()
        verdict, said, weights, model = judge(found, Path(folder))
        seconds = time.perf_counter() - started
        memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
        if with_report:
            print(said, flush=True)
        truth = describe_truth(found, model, weights)
    right = "yes" if is_true(found, verdict, said) else "NO"
    sides = " -> ".join(found.packages)
    row = f"{name:<30}{sides:<34}{found.lines:>6}  {verdict:<12}{right:<6}{truth:<32}"
    print(f"{row}{seconds:>7.1f} s{memory:>8,.0f} MB", flush=True)


def describe_truth(found: PublicPair, model, weights: Path | None) -> str:
    """How far the outputs lie apart by hand."""
    from benchmarks.public.truth import differences

    if weights is None:
        return "no tensor by tensor" if found.refused else ""
    apart, mended = differences(found, model, weights)
    return f"{apart:.1e}" if mended is None else f"{apart:.1e}, mended {mended:.1e}"


def main() -> None:
    """Judge each pair in a process of its own."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"any of {', '.join(NAMES)}; all if not given")
    parser.add_argument("--report", action="store_true", help="print each verdict as a whole")
    parser.add_argument("--one", action="store_true", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if unknown := set(options.names) - set(NAMES):
        parser.error(f"there is no pair {', '.join(sorted(unknown))}")
    if options.one:
        measure(options.names[0], options.report)
        return
    print(name_machine())
    titles = f"{'pair':<30}{'sides':<34}{'lines':>6}  {'verdict':<12}{'true':<6}"
    print(f"{titles}{'outputs apart':<32}{'time':>9}{'memory':>11}", flush=True)
    for name in options.names or NAMES:
        command = [sys.executable, "-m", "benchmarks.public_pairs", name, "--one", *["--report"] * options.report]
        try:
            ended = subprocess.run(command, check=False, timeout=LIMIT, env=os.environ | {"TF_CPP_MIN_LOG_LEVEL": "3"})
        except subprocess.TimeoutExpired:
            print(f"{name:<30}no verdict in {LIMIT} s", flush=True)
            continue
        if ended.returncode:
            print(f"{name:<30}ended with status {ended.returncode}", flush=True)


if __name__ == "__main__":
    main()
