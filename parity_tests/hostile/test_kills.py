"""A killed job leaves old results or new ones, and its next run gives what an undisturbed one gives."""

import subprocess
import sys

import pytest

from parity_tests.hostile.test_mutants import FUZZER


@pytest.mark.slow
def test_killed_jobs_leave_old_results_or_new_ones_and_go_on():
    command = [sys.executable, FUZZER, "--kills", "50"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
