"""No damaged file does harm: a small run of the fuzzer, which ``benchmarks/fuzzing.py`` makes as large as one likes."""

import subprocess
import sys
from pathlib import Path

import pytest

from parity_tests.hostile.formats import FORMATS

FUZZER = Path(__file__).parents[2] / "benchmarks" / "fuzzing.py"
REPLAYED = "golden file, certified"
"""The one whose every mutant is a whole verification."""


def fuzz(formats, mutants, heavy):
    command = [sys.executable, FUZZER, "--mutants", str(mutants), "--heavy", str(heavy), "--seed", "7"]
    done = subprocess.run([*command, "--formats", ";".join(formats)], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    rows = [line for line in done.stdout.splitlines() if f" {mutants} " in line or f" {heavy} " in line]
    assert len(rows) == len(formats)


@pytest.mark.slow
@pytest.mark.parametrize(("mutants", "heavy"), [(100, 20), (4000, 1000)])
def test_damaged_files_are_refused_or_read_and_do_no_harm(mutants, heavy):
    fuzz([name for name in FORMATS if name != REPLAYED], mutants, heavy)


@pytest.mark.slow
def test_golden_files_that_contradict_themselves_are_no_pass():
    fuzz([REPLAYED], 200, 200)
