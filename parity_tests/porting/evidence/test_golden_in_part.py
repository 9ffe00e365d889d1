"""A golden file is as large as its port at most, or 5 MB: it holds some values of each activation, and their norms."""

from dataclasses import replace

import h5py
import keras
import numpy as np
import pytest
import torch
from keras import layers
from torch import nn

from parity_tests.porting.kinds import test_tables
from parity_tests.porting.kinds.test_tables import tokens
from parity_tests.porting.zoo.weights import saved
from porting import ModelPair, Status, convert, verify
from porting.evidence import golden
from porting.records.kept import Kept, keep, norms_of

SIDE = 24
LIMIT = 700_000


class Images(nn.Module):
    """Activations many times as large as the weights, two of them of one shape in branches alike."""

    def __init__(self):
        super().__init__()
        self.first, self.left, self.right = nn.Conv2d(3, 16, 3), nn.Conv2d(16, 16, 1), nn.Conv2d(16, 16, 1)
        self.norm, self.last = nn.BatchNorm2d(16), nn.Conv2d(16, 2, 3)

    def forward(self, image):
        held = torch.relu(self.first(image))
        return self.last(torch.relu(self.norm(torch.sigmoid(self.left(held)) * self.right(held))))


def build_images(gate="sigmoid"):
    given = keras.Input((SIDE, SIDE, 3))
    held = layers.ReLU()(layers.Conv2D(16, 3, name="first")(given))
    gated = layers.Multiply()(
        [layers.Activation(gate)(layers.Conv2D(16, 1, name="left")(held)), layers.Conv2D(16, 1, name="right")(held)]
    )
    last = layers.ReLU()(layers.BatchNormalization(momentum=0.9, epsilon=1e-5, name="norm")(gated))
    return keras.Model(given, layers.Conv2D(2, 3, name="last")(last))


PAIR = ModelPair(
    name="images",
    reference=Images,
    port=build_images,
    inputs=("sample channel row column -> sample row column channel",),
    outputs={"scores": "sample channel row column -> sample row column channel"},
    input_shapes=((SIDE, SIDE, 3),),
)


@pytest.fixture(scope="module")
def converted(tmp_path_factory):
    folder = tmp_path_factory.mktemp("in_part")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(golden, "SMALLEST_LIMIT", LIMIT)
        conversion = convert(saved(Images(), folder), folder / "port", pair=PAIR, formats=("keras", "weights.h5"))
    assert conversion.report.verdict is Status.PASS
    return folder


def test_it_is_no_larger_than_that_and_says_what_it_holds(converted):
    path = converted / "port.golden.h5"
    assert path.stat().st_size <= LIMIT
    with h5py.File(path) as file:
        assert "drawn by the seed" in file.attrs["holds"]
        assert len(file["calls/0/output/values"]) < np.prod(file["calls/0/output"].attrs["shape"])


def test_a_right_port_passes_by_it(converted):
    report = verify(converted / "port.keras", pair=PAIR)
    assert report.drift == ()
    assert report.verdict is Status.PASS, report
    assert any(line.startswith("the golden file holds") for line in report.semantics.lines)
    assert {row.own_output_error for row in report.layers} == {None}
    assert max(row.synthetic_output_error for row in report.layers) > 0


def test_a_wrong_graph_fails_by_it_at_its_place(converted):
    pair = replace(PAIR, port=lambda: build_images("hard_sigmoid"))
    report = verify(converted / "port.weights.h5", pair=pair)
    assert report.semantics.status is Status.FAIL
    assert report.first_divergence.reference == "norm"
    assert report.first_divergence.where == "between"


def test_tables_that_a_port_reads_as_variables_are_taught_again_what_tables_hold(tmp_path, monkeypatch):
    monkeypatch.setattr(golden, "SMALLEST_LIMIT", 1)
    pair = ModelPair(name="tables", reference=test_tables.Positioned, port=lambda: test_tables.port(1), probe=tokens)
    conversion = convert(saved(test_tables.Positioned(), tmp_path), tmp_path / "port", pair=pair)
    assert conversion.report.verdict is Status.PASS
    with h5py.File(tmp_path / "port.golden.h5") as file:
        assert "drawn by the seed" in file.attrs["holds"]
    report = verify(tmp_path / "port.keras", pair=pair)
    assert (report.semantics.status, report.deployed.status) == (Status.PASS, Status.PASS), report.parts


def test_what_no_kept_value_shows_shows_in_the_norms():
    array = np.random.default_rng(0).standard_normal((8, 100, 100))
    held = keep(array, 100, 1)
    whole = held.expanded()
    assert np.count_nonzero(~np.isnan(whole)) == len(held.places) <= 100
    assert isinstance(held, Kept)
    assert held.norms.relative_error(array) == 0
    changed = array.copy()
    changed.ravel()[np.setdiff1d(np.arange(array.size), held.places)[:50]] *= 1.001
    assert 1e-9 < held.norms.relative_error(changed) < 1e-3
    assert norms_of(array).greatest == np.abs(array).max()
