"""No damaged file does harm: a small run of the fuzzer, which ``benchmarks/fuzzing.py`` makes as large as one likes."""

import subprocess
import sys
from pathlib import Path

import pytest

FUZZER = Path(__file__).parents[2] / "benchmarks" / "fuzzing.py"
LIGHT = (
    "certificate;thresholds;thresholds, published;classes;ratios;degrees;samplings;recipe;TRK;TCK;safetensors;"
    "port, safetensors;probe, .npy;training state"
)
HEAVY = (
    "PyTorch, zip;PyTorch, legacy;port, .keras;port, .weights.h5;golden file;recording;batches, published;"
    "batches, packed;TRX;latent codes;assignments;probe, .npz;probe, packed .npz"
)


@pytest.mark.parametrize(
    ("formats", "mutants"),
    [
        (LIGHT, 300),
        (HEAVY, 60),
        pytest.param(LIGHT, 4000, marks=pytest.mark.slow),
        pytest.param(HEAVY, 1000, marks=pytest.mark.slow),
    ],
    ids=lambda value: "" if isinstance(value, str) else str(value),
)
def test_damaged_files_are_refused_or_read_and_do_no_harm(formats, mutants):
    command = [sys.executable, FUZZER, "--mutants", str(mutants), "--seed", "7", "--formats", formats]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    assert len([line for line in done.stdout.splitlines() if f" {mutants} " in line]) == len(formats.split(";"))
