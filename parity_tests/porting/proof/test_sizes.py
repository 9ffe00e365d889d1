"""Memory follows the largest activation: what is large lies in files, and what a proof cannot keep is streamed."""

import resource
from pathlib import Path

import keras
import numpy as np
import pytest
import torch

from parity_tests.porting.zoo import pairs as zoo
from parity_tests.porting.zoo.weights import saved
from porting import ModelPair, Probe, Status, convert, verify
from porting.proof import sizes
from porting.traces import parking

SAMPLES = 5
MEGABYTE = 1 << 20


@pytest.fixture
def everything_is_large(monkeypatch):
    monkeypatch.setattr(parking, "SMALLEST", 1)
    monkeypatch.setattr("porting.port.watch.SMALLEST", 1)
    monkeypatch.setattr(sizes, "LARGEST_TRACE", 1)


def test_a_probe_that_is_too_large_is_proven_on_two_samples_and_run_on_all(everything_is_large, tmp_path):
    pair = zoo.scaled(zoo.CLASSIFIER, samples=SAMPLES)
    checkpoint = saved(pair.reference(), tmp_path)
    reports = [
        convert(checkpoint, tmp_path / "port", pair=pair).report,
        verify(tmp_path / "port.keras", checkpoint, pair=pair),
    ]
    for report in reports:
        assert report.verdict is Status.PASS, report
        assert (report.probe["samples"], report.probe["streamed"]) == (sizes.FEWEST, SAMPLES)


def clipped():
    x = keras.Input((3,))
    return keras.Model(x, keras.layers.Dense(2, name="fc")(keras.ops.minimum(x, 1e3)))


def test_what_only_a_sample_shows_that_was_not_proven_fails_at_its_layer(everything_is_large, tmp_path):
    samples = np.random.default_rng(0).standard_normal((SAMPLES, 3)).astype(np.float32)
    samples[1] = 1e4
    pair = ModelPair(
        name="clipped", reference=lambda: torch.nn.Linear(3, 2), port=clipped, input_shapes=((3,),),
        probe=lambda *_: Probe((samples,), "a test"),
    )  # fmt: skip
    report = convert(saved(torch.nn.Linear(3, 2), tmp_path), tmp_path / "port", pair=pair, keep_failed=True).report
    assert report.verdict is Status.FAIL
    assert f"over all {SAMPLES} samples the worst float64 error is" in report.semantics.lines[-1]
    assert report.layers[0].float64_output_error > 0.1


def _resident():
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * resource.getpagesize()


def test_a_parked_array_holds_its_values_and_takes_no_memory_once_released():
    array = np.random.default_rng(0).standard_normal((64, MEGABYTE // 8))
    total = array.sum()
    parked = parking.park(array)
    assert parked is not array
    before = _resident()
    assert parked.sum() == total
    taken = _resident() - before
    parking.release(parked[1:].T)
    assert taken > 48 * MEGABYTE
    assert _resident() - before < 16 * MEGABYTE


def test_a_small_array_and_one_that_repeats_itself_stay_where_they_are():
    small, repeated = np.ones(3), np.broadcast_to(np.ones(1 << 12), (1 << 12, 1 << 12))
    assert parking.park(small) is small
    assert parking.park(repeated) is repeated
    assert parking.copied(small) is not small
