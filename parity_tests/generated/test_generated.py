"""Ports of drawn models pass; what fell short once stands, shrunk, in the tests of the room that was mended."""

import os
import subprocess
import sys

import pytest

from parity_tests.generated.judging import ERROR, FAIL, PASS, REFUSED, judge
from parity_tests.generated.models import drawn_model
from parity_tests.generated.shrinking import shrunk

DEFAULT = range(5)
"""As many as take some seconds."""

SLOW = range(5, 300)


@pytest.mark.parametrize("number", DEFAULT)
def test_a_drawn_models_port_passes(number):
    outcome = judge(drawn_model(number))
    assert outcome.verdict in {PASS, REFUSED}, outcome.why


@pytest.mark.slow
def test_no_drawn_models_port_fails():
    outcomes = {number: judge(drawn_model(number)) for number in SLOW}
    wrong = {number: found.why for number, found in outcomes.items() if found.verdict in {FAIL, ERROR}}
    assert not wrong
    assert sum(found.verdict == PASS for found in outcomes.values()) >= 0.8 * len(SLOW)


@pytest.mark.slow
@pytest.mark.parametrize("backend", ["jax", "torch"])
def test_no_drawn_models_port_fails_on_another_backend(backend):
    command = [sys.executable, "-m", "benchmarks.generated", "--models", "20", "--backend", backend]
    ended = subprocess.run(command, check=False, capture_output=True, text=True, env=os.environ | {"PYTHONPATH": "."})
    assert ended.returncode == 0, ended.stdout


def test_a_seed_draws_the_same_model_each_time():
    assert drawn_model(7) == drawn_model(7)
    assert len({drawn_model(number).source for number in range(20)}) == 20


@pytest.mark.slow
def test_a_model_that_falls_short_is_brought_down_to_what_matters():
    def falls_short(drawn):
        return "nn.Linear" in drawn.source

    number = next(number for number in range(100) if falls_short(drawn_model(number)))
    smallest = shrunk(number, falls_short, seconds=20)
    assert falls_short(smallest)
    assert len(smallest.source) < len(drawn_model(number).source)
