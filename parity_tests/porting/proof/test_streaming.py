"""Any number of samples in constant memory: the same figures as in one piece, and the worst samples by name."""

import threading

import keras
import numpy as np
import pytest

from finta import shipped
from porting import Status, verify
from porting.errors import ProbeError
from porting.jobs.verification import PROBE_SAMPLES
from porting.port import side as keras_side
from porting.proof import streaming
from porting.records.parity import PairedActivation
from porting.records.tallies import Narrow, Wide
from tractography.batches.batches import draw_balanced, write_batches

LAST_CLASS = "zenith"
FAR = np.float32(1000)


@pytest.fixture(scope="module")
def streamlines(tmp_path_factory):
    """Two classes, and so two batches, of which the last three streamlines lie far from all others."""
    path = tmp_path_factory.mktemp("streaming") / "streamlines.h5"
    drawn = draw_balanced(shipped.DIPY_BATCHES, 23).streamlines
    write_batches(path, {"test": {"bundle": drawn[:20], LAST_CLASS: drawn[20:] + FAR}})
    return path


@pytest.fixture(scope="module")
def late_one(tmp_path_factory):
    """More streamlines than a probe holds; the first of those that it does not hold lies far away."""
    path = tmp_path_factory.mktemp("streaming") / "late.h5"
    held = draw_balanced(shipped.DIPY_BATCHES, PROBE_SAMPLES + 6).streamlines
    write_batches(path, {"test": {"bundle": held}})
    row = min(set(range(len(held))) - set(draw_balanced(path, PROBE_SAMPLES).rows))
    held[row] += FAR
    write_batches(path, {"test": {"bundle": held}})
    return path, row


@pytest.fixture(scope="module")
def in_one_piece(streamlines):
    return verify(shipped.KERAS_CHECKPOINT, shipped.TORCH_CHECKPOINT, probe=streamlines)


@pytest.fixture(scope="module")
def streamed(streamlines):
    steps = []
    report = verify(
        shipped.KERAS_CHECKPOINT,
        shipped.TORCH_CHECKPOINT,
        probe=streamlines,
        every_sample=True,
        on_step=lambda step, done=0, total=None: steps.append((done, total)),
    )
    return report, steps


def test_every_sample_is_run_and_told_as_it_goes(streamed):
    report, steps = streamed
    assert report.verdict is Status.PASS
    assert report.probe["streamed"] == 23
    assert {total for _, total in steps if total} == {23}
    assert steps[-1] == (23, 23)


@pytest.mark.slow
def test_an_error_while_a_batch_is_taken_in_is_raised(streamlines, monkeypatch):
    def fail(*arguments):
        assert threading.current_thread() is not threading.main_thread()
        raise RuntimeError("no memory")

    monkeypatch.setattr(streaming, "_keep_worst", fail)
    with pytest.raises(RuntimeError, match="no memory"):
        verify(shipped.KERAS_CHECKPOINT, shipped.TORCH_CHECKPOINT, probe=streamlines, every_sample=True)


@pytest.mark.slow
def test_figures_are_those_of_one_run_on_all_samples(streamed, in_one_piece):
    assert len(streamed[0].outputs) == 1
    rows, wholes = ((*report.layers, *report.outputs) for report in (streamed[0], in_one_piece))
    for row, whole in zip(rows, wholes, strict=True):
        assert row.reference == whole.reference
        assert row.float64_output_error == pytest.approx(whole.float64_output_error, rel=0.5)
        if row.reference.startswith("encod"):  # a dense layer rounds in another order in a batch of another size
            assert row.float32_error == pytest.approx(whole.float32_error, rel=0.05)
            assert row.float32_ratio == pytest.approx(whole.float32_ratio, rel=0.05)


def test_the_worst_samples_are_named_by_class_and_row_with_their_distance(streamed):
    worst = streamed[0].worst
    assert len(worst) > 1
    assert {sample.name for sample in worst[:3]} == {f"test/{LAST_CLASS} row {row}" for row in range(3)}
    assert {sample.unit for sample in worst} == {"mm"}
    assert worst[0].greatest >= worst[1].greatest > 0
    assert worst[0].greatest >= worst[0].mean


@keras.saving.register_keras_serializable("parity_tests")
class Ceiling(keras.layers.Layer):
    """The identity up to 500 mm: wrong on far streamlines only."""

    def call(self, inputs):
        return keras.ops.minimum(inputs, 500.0)


@pytest.mark.slow
def test_a_fault_that_no_sample_of_the_probe_shows_fails(tmp_path, late_one):
    path, row = late_one
    port = keras.saving.load_model(shipped.KERAS_CHECKPOINT, compile=False)
    given = keras.Input((256, 3))
    keras.Model(given, port.decoder(port.encoder(Ceiling()(given)))).save(tmp_path / "port.keras")
    verdicts = [
        verify(tmp_path / "port.keras", shipped.TORCH_CHECKPOINT, probe=path, every_sample=every_sample)
        for every_sample in (False, True)
    ]
    assert [report.verdict for report in verdicts] == [Status.PASS, Status.FAIL]
    assert f"row {row}" in verdicts[1].worst[0].name


@pytest.mark.slow
def test_without_float64_the_figures_in_float32_are_those_of_one_run_too(streamlines, in_one_piece, monkeypatch):
    monkeypatch.setattr(keras_side, "why_no_float64", lambda: "no float64 here")
    narrow = verify(shipped.KERAS_CHECKPOINT, shipped.TORCH_CHECKPOINT, probe=streamlines, every_sample=True)
    assert narrow.semantics.status is Status.NOT_CHECKED
    assert narrow.semantics.lines[-1] == "in float32 only on all 23 samples"
    for row, whole in zip(
        (*narrow.layers, *narrow.outputs), (*in_one_piece.layers, *in_one_piece.outputs), strict=True
    ):
        assert row.float64_output_error is None
        assert row.ulp_at_scale == pytest.approx(whole.ulp_at_scale, rel=0.5)


@pytest.mark.parametrize("dtype", ["bool", "uint8", "int32", "float16", "float32", "float64"])
def test_values_of_any_type_are_compared_as_float64(dtype):
    reference, port = (np.array([values], dtype) for values in ([0, 1, 200, 200], [1, 1, 150, 150]))
    found = []
    for ours, theirs in ((reference, port), (reference.astype(float), port.astype(float))):
        both, wide, narrow = PairedActivation(ours, theirs, "sample value -> sample value"), Wide(), Narrow()
        wide.add(both)
        narrow.add(both, (ours, ours))
        found.append((wide, narrow))
    assert found[0] == found[1]
    assert found[0][1].greatest == (1 if dtype == "bool" else 50)


@pytest.mark.parametrize("probe", [None, "synthetic"])
def test_all_needs_a_file(probe):
    with pytest.raises(ProbeError, match="--probe FILE --all"):
        verify(shipped.KERAS_CHECKPOINT, shipped.TORCH_CHECKPOINT, probe=probe, every_sample=True)
