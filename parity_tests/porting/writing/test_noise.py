"""What a model draws while it trains alone is written, and drawn by the port in training alone."""

import numpy as np
import pytest

import porting
from parity_tests.porting.writing.models import noisy_models
from porting.pairs.finding import resolve
from porting.statuses import Status

SAID = {
    "Autoencoder": "layers.GaussianNoise(1.0)(",
    "DrawsInPlace": "layers.GaussianNoise(0.5)(",
    "AddsNoise": "layers.GaussianNoise(0.1)(x)",
    "DrawsSlopes": "RandomLeakyReLU(0.125, 0.3333333333333333)(",
}


@pytest.mark.parametrize("name", SAID)
def test_what_is_drawn_in_training_alone_is_written(name, tmp_path):
    output = tmp_path / "net.py"
    writing = porting.write(getattr(noisy_models, name), output, inputs=["4"], keep_failed=True)
    assert writing.report is not None
    parts = {part: held.status for part, held in writing.report.parts.items()}
    assert parts == {
        "transfer": Status.PASS,
        "semantics": Status.PASS,
        "deployed": Status.PASS,
        "training": Status.NOT_CHECKED,
    }, writing.report
    assert SAID[name] in output.read_text()
    port, x = resolve(f"{output}:build")(), np.ones((3, 4), np.float32)
    first, second = (np.asarray(port(x, training=True)) for _ in range(2))
    assert not np.array_equal(first, second)
    assert np.array_equal(port(x), port(x))


def test_what_cannot_be_drawn_fails_with_its_place(tmp_path):
    output = tmp_path / "net.py"
    report = porting.write(noisy_models.AddsUniformNoise, output, inputs=["4"], keep_failed=True).report
    assert report is not None
    assert report.verdict is Status.FAIL
    assert any("the port draws nothing there" in line for line in report.parts["training"].lines)


def test_a_layer_that_is_made_while_the_model_runs_drops_as_it_would(tmp_path):
    writing = porting.write(noisy_models.MakesLayers, tmp_path / "net.py", inputs=["4"])
    assert writing.report is not None
    assert writing.report.verdict is Status.PASS, writing.report
    assert "layers.Dropout(0.3)" in writing.model.text
