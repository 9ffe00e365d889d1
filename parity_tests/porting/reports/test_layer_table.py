from dataclasses import replace

import numpy as np
import pytest
from rich.console import Console

from porting import verify
from porting.records.parity import Cause, Divergence
from porting.records.verdict import Part
from porting.reports.console import as_text, condensed, probe_words, render_plan
from porting.reports.layer_table import fold
from porting.statuses import Status

LONG = "feature_extraction_backbone.transformer_stages.{}.output_normalisation"


@pytest.fixture(scope="module")
def report(small_port):
    return verify(small_port)


@pytest.fixture(scope="module")
def failed(report):
    """The report with names as long as a transformer's, and two places of one fault."""
    names = {row.reference: LONG.format(number) for number, row in enumerate(report.layers)}
    layers = [
        replace(row, reference=names[row.reference], port=names[row.reference].replace(".", "_"), landmark="")
        for row in report.layers
    ]
    cause = Cause("another epsilon", "epsilon 0.001 where the reference has 1e-05", "give Keras the epsilon", 1e-16)
    found = [
        Divergence(
            layers[at].reference, layers[at].port, layers[at - 1].reference, where, 0.5, "sample 3", "probe", (cause,)
        )
        for at, where in ((4, "inside"), (6, "between"))
    ]
    lines = tuple(f"gradient of {name} differs: relative error {at}e-3" for at, name in enumerate(names.values()))
    return replace(report, layers=tuple(layers), divergences=tuple(found), training=Part(Status.FAIL, lines))


def without_breaks(text):
    return "".join(text.split())


@pytest.mark.parametrize("details", [False, True])
@pytest.mark.parametrize("width", [60, 80, 120, 200])
def test_no_figure_and_no_name_is_cut(report, failed, width, details):
    for held in (report, failed):
        text = as_text(held, width, details=details)
        assert "…" not in text
        assert max(map(len, text.splitlines())) <= width
        for row in held.layers:
            assert without_breaks(row.port) in without_breaks(text)
            assert f"{row.float64_output_error:.1e}" in text
            assert f"{row.float32_ratio:.2f}" in text
            if details:
                assert f"{max(row.own_output_error, row.synthetic_output_error):.1e}" in text
                assert f"{row.ulp_at_scale:.2f}" in text


@pytest.mark.parametrize("width", [60, 80, 200])
def test_the_marks_of_a_fail_stay(failed, width):
    lines = as_text(failed, width).splitlines()
    marked = [line for line in lines if line.startswith("▶")]
    assert len(marked) == 2
    assert "│" in marked[1]
    assert "→" in "".join(lines)


def test_one_cause_is_told_once_and_lines_of_one_kind_are_counted(failed):
    text = as_text(failed, 80)
    assert text.count("another epsilon") == 1
    assert f"the same before {LONG.format(6)} (5.0e-01)".replace(" ", "") in without_breaks(text)
    assert text.count("gradient of") == 1
    assert "(and13morelikeit:--details)" in without_breaks(text)
    assert as_text(failed, 80, details=True).count("gradient of") == 14


def test_lines_of_different_kinds_or_few_of_one_are_all_told():
    lines = ["setting differs: bn1: eps=1 in torch", "setting differs: bn2: eps=1 in torch", "all tensors agree"]
    assert condensed(lines) == lines


@pytest.mark.parametrize("width", [60, 80, 200])
def test_the_plan_shows_every_name_and_size(report, width):
    console = Console(width=width, color_system=None)
    with console.capture() as captured:
        console.print(render_plan(report.plan))
    text = captured.get()
    assert "…" not in text
    for transfer in report.plan.transfers:
        for word in (transfer.reference, transfer.port, transfer.pattern, *transfer.sizes()):
            assert without_breaks(word) in without_breaks(text)


def test_long_paths_break_where_their_parts_join():
    assert fold("encoder.layers.0.self_attention", 20) == ["encoder.layers.0.", "self_attention"]
    assert fold("x" * 25, 10) == ["x" * 10, "x" * 10, "x" * 5]
    rng = np.random.default_rng(0)
    for _ in range(200):
        text = "".join(rng.choice(list("ab._/ "), 40)).strip()
        lines = fold(text, 9)
        assert max(map(len, lines)) <= 9
        assert "".join(lines).replace(" ", "") == text.replace(" ", "")


def test_samples_are_counted_once_and_in_the_singular():
    assert probe_words({"samples": 64, "source": "64 samples of normal numbers"}) == "64 samples of normal numbers"
    assert probe_words({"samples": 1, "source": "a.npy"}) == "1 sample of a.npy"
