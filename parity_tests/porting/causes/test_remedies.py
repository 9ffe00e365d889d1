"""Whoever does what the line says gets PASS: for each row of the catalogue a faulty port is mended by its remedy."""

import pytest
import torch

from parity_tests.porting.causes.remedies import REMEDIES, ROWS
from parity_tests.porting.zoo.weights import randomise
from porting import Status, convert
from porting.causes.catalogue.function_hypotheses import FUNCTION_ROWS
from porting.causes.catalogue.steps import STEP_ROWS

QUICK = (
    "activation of another kind",
    "flattened or reshaped in another order",
    "reshaped in another order",
    "resizing of another kind",
    "another scale",
    "another mask",
    "another step taken",
    "pixels shuffled in another order",
    "masked steps counted",
    "channels in another order",
    "another epsilon",
)
"""The others are slow."""

ONLY_IN_SEVERAL_PLACES = {"pooling missing", "rounded to float32", "rounded to bfloat16"}
"""Rows whose remedy is another one's: to pool as the reference does, not to cast."""


def judged(remedy, port, folder):
    pair = remedy.pair(port)
    torch.manual_seed(0)
    torch.save(randomise(pair.reference(), 0).state_dict(), folder / "net.pt")
    return convert(folder / "net.pt", folder / "port", pair=pair, force=True, keep_failed=True).report


@pytest.mark.parametrize(
    "name", [pytest.param(name, marks=() if name in QUICK else pytest.mark.slow) for name in REMEDIES]
)
def test_what_a_remedy_says_mends_the_port(name, tmp_path):
    remedy = REMEDIES[name]
    report = judged(remedy, remedy.faulty, tmp_path)
    assert report.verdict is Status.FAIL
    found = [cause for finding in report.findings for cause in finding.causes]
    assert ROWS.get(name, name) in [cause.name for cause in found], found
    said = next(cause.remedy for cause in found if cause.name == ROWS.get(name, name))
    for words in remedy.words:
        assert words in said
    mended = judged(remedy, remedy.mended, tmp_path)
    assert mended.verdict is Status.PASS, mended.parts


def test_every_row_between_layers_has_a_port_that_it_mends():
    rows = {row.name for row in (*FUNCTION_ROWS, *STEP_ROWS)}
    assert rows - ONLY_IN_SEVERAL_PLACES <= {ROWS.get(name, name) for name in REMEDIES}
