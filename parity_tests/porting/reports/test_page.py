"""The report as a page: whole in one file, nothing loaded, nothing run, everything in it and nothing believed."""

import re
from dataclasses import replace

import numpy as np
import pytest

from parity_tests.porting.reports.made_reports import (
    FAILED,
    HOSTILE,
    MISSING,
    NOT_CHECKED,
    PARTED,
    REPEATED,
    REPORTS,
    SHIFTED,
    layer,
    make_report,
    plan_of,
)
from parity_tests.porting.reports.outline import Outline, assert_loads_and_runs_nothing
from parity_tests.porting.zoo import pairs as zoo
from parity_tests.porting.zoo.weights import saved
from porting import convert
from porting.records.parity import Cause, Divergence
from porting.records.runs import BlindSpot
from porting.records.verdict import Evidence, Part, WorstSample
from porting.reports.page import render_page
from porting.statuses import Status


@pytest.mark.parametrize("word", REPORTS)
def test_one_file_that_loads_and_runs_nothing_and_says_the_verdict(word):
    page = render_page(REPORTS[word])
    outline = assert_loads_and_runs_nothing(page)
    assert "http" not in page.replace("http-equiv", "")
    assert len(page.encode()) < 1_000_000
    heading = re.search(r"<h1>(.*?)</h1>", page, re.S).group(1)
    assert word in heading
    assert "FINTA" not in outline.text.upper()


def test_all_that_the_report_holds_is_on_the_page():
    text = Outline(render_page(REPORTS["PASS"])).text
    for words in (
        "as it should be",
        "bundle row 7",
        "3.0e-05 mm",
        "8 of 64 values of bias change no output",
        "conv2.weight",
        "filter channel tap -> tap channel filter",
        "conv3/kernel",
        "a row with a note",
        "f00d" * 16,
        "beef" * 16,
        "3.15.1",
        "batches.h5, 3 classes",
        "1e-12",
        "Conv1d -> Conv1D",
    ):
        assert words in text, words


def test_every_divergence_is_named_with_its_causes_and_remedies():
    text = Outline(render_page(REPORTS["FAIL"])).text
    assert "3 places where the models part" in text
    assert "between conv1 and conv2" in text
    assert "between conv2 and conv3" in text
    assert "inside conv3" in text
    assert "synthetic activations" in text
    for cause in (MISSING, SHIFTED, REPEATED):
        assert cause.name in text
        assert cause.detail in text
        assert cause.remedy in text
    assert text.count("Ambiguous.") == 1
    assert text.count("Unexplained.") == 1
    assert "where the models part" not in Outline(render_page(REPORTS["PASS"])).text


def order_of(page, *words):
    """Where words stand in the text of a page, one after another."""
    text, places = Outline(page).text, []
    for word in words:
        assert word in text, word
        places.append(text.index(word, places[-1] if places else 0))
    return places


def test_cause_and_remedy_stand_before_figures_parts_and_links():
    page = render_page(REPORTS["FAIL"])
    main = page[page.index("<main>") :]
    assert re.search(r"<section id=\"(.*?)\"", main).group(1) == "divergences"
    assert main.index(MISSING.remedy) < min(main.index(word) for word in ('<dl class="row', "<nav", "headline", "<svg"))
    order_of(page, "FAIL", MISSING.name, MISSING.detail, MISSING.remedy, "four parts", "float32 error", "against depth")


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        (
            {"transfer": FAILED, "changed_tensors": ("conv1.weight",)},
            ("What fails", "transfer", "as it should not be", "Remedy", "Convert again"),
        ),
        ({"training": FAILED}, ("What fails", "training", "as it should not be", "Remedy", "dropout")),
        ({"deployed": FAILED}, ("What fails", "deployed", "as it should not be", "Remedy", "--backend")),
        ({"semantics": NOT_CHECKED}, ("What could not be checked", "semantics", "no float64 here")),
    ],
)
def test_what_keeps_a_verdict_from_passing_comes_first_where_no_place_is_to_blame(changes, words):
    page = render_page(make_report(**changes))
    order_of(page, *words, "Verdict", "four parts", "float32 error")
    assert re.search(r"<section id=\"(.*?)\"", page).group(1) == "concerns"


def test_one_fault_has_one_figure():
    grown = layer("conv2", "conv1", float64_output_error=0.89, own_output_error=0.89)
    (fault, *_) = PARTED
    page = render_page(make_report(semantics=FAILED, divergences=(fault,), layers=(grown,)), [REPORTS["PASS"]])
    figures = [
        re.search(pattern, page, re.S).group(1)
        for pattern in (
            r"over\">relative error ([^<\s]+)</span>",
            r"<dt>error where they part</dt><dd>(\S+)</dd>",
            r"<td class=\"word-pass\">PASS</td>\s*<td class=\"number over\">(\S+)<span",
        )
    ]
    assert figures == ["1.4e+00"] * 3
    several = Outline(render_page(REPORTS["FAIL"])).text
    assert "error where they part1.4e+00the greatest of 3; limit 1e-12" in several
    rounding = replace(fault, seen_on="float32", error=2e-6)
    assert "greatest float64 error2.0e-16" in Outline(render_page(make_report(divergences=(rounding,)))).text


def test_the_greatest_float64_error_is_of_inputs_too():
    report = make_report(layers=(layer("conv1", float64_input_error=5e-14),))
    assert "greatest float64 error5.0e-14" in Outline(render_page(report)).text


def test_many_places_fold_away_behind_the_first():
    many = tuple(
        replace(PARTED[0], reference=f"conv{number}", causes=(replace(MISSING, detail=f"{number} of them"),))
        for number in range(9)
    )
    page = render_page(make_report(semantics=FAILED, divergences=many))
    assert page.count('<article class="divergence">') == 9
    folded = page[page.index("<details><summary>3 more</summary>") :]
    assert folded.index("</details>") > folded.index("<code>conv8</code>")


def test_one_fault_in_many_places_is_told_once_with_all_of_them():
    many = tuple(replace(PARTED[0], reference=f"conv{number}", causes=(MISSING,)) for number in range(9))
    page = render_page(make_report(semantics=FAILED, divergences=many))
    assert page.count('<article class="divergence">') == 1
    assert Outline(page).text.count(MISSING.remedy) == 1
    for place in many:
        assert f"<code>{place.reference}</code>" in page[page.index("The same") :]


LONG = [f"encoder.layers.{number}.attention.output_projection.query" for number in range(60)]


def test_long_names_are_whole_in_tables_and_told_apart_in_pictures():
    rows = tuple(layer(name, before) for name, before in zip(LONG, ["", *LONG], strict=False))
    page = render_page(make_report(layers=rows, outputs=(), plan=plan_of(*LONG)))
    for name in LONG:
        assert f"<code>{name}</code>" in page
    labels = re.findall(r'<text class="tilted"[^>]*>([^<]*)<', page)
    assert len(labels) == 2 * len(set(labels)) == 2 * len(LONG)
    assert max(map(len, labels)) <= 20
    style = page[page.index("<style>") : page.index("</style>")]
    assert "ellipsis" not in style


def test_what_scrolls_shows_a_shadow_where_it_goes_on():
    page = render_page(REPORTS["FAIL"])
    style = page[page.index("<style>") : page.index("</style>")]
    (rule,) = re.findall(r"\.scroll \{([^}]*overflow-x: auto[^}]*)\}", style)
    assert rule.count("local") == rule.count("var(--shadow)") == 2
    for table in re.finditer("<table", page):
        assert re.search(r'<div class="scroll[^>]*>\s*$', page[: table.start()]), page[table.start() :][:200]
    assert page.index("scroll it sideways") < page.index('<table class="figures">')


def test_hostile_names_stay_words():
    report = make_report(
        pair=HOSTILE,
        transfer=Part(Status.FAIL, (HOSTILE,)),
        divergences=(
            Divergence(
                HOSTILE, HOSTILE, HOSTILE, "between", 1.0, HOSTILE, HOSTILE, (Cause(HOSTILE, HOSTILE, HOSTILE, 0.0),)
            ),
        ),
        layers=(layer(HOSTILE, HOSTILE, landmark=HOSTILE, kind=HOSTILE),),
        worst=(WorstSample(HOSTILE, HOSTILE, 1.0, 1.0, HOSTILE),),
        blind_spots=(BlindSpot(HOSTILE, HOSTILE, False),),
        plan=plan_of(HOSTILE),
        versions={HOSTILE: HOSTILE, "backend": HOSTILE},
        probe={"source": HOSTILE, "samples": 1, "sha256": HOSTILE},
        hashes={HOSTILE: HOSTILE},
        gradient_errors={HOSTILE: 1.0},
        evidence=Evidence((), {HOSTILE: (np.ones((2, 2)), np.ones((2, 2)))}, {HOSTILE: (np.ones(3), np.zeros(3))}),
    )
    page = render_page(report, [replace(report)])
    outline = assert_loads_and_runs_nothing(page)
    assert HOSTILE not in page
    assert HOSTILE in outline.text


def test_each_backend_has_its_verdict_in_one_table():
    report = REPORTS["PASS"]
    torch = replace(report, versions={"backend": "torch"}, semantics=NOT_CHECKED)
    text = Outline(render_page(report, (report, torch))).text
    assert "Backend by backend" in text
    assert re.search(r"tensorflow\s*PASS.*torch\s*NOT CHECKED", text)
    assert "Backend by backend" not in Outline(render_page(report, (report,))).text


def test_bare_reports_have_a_page():
    bare = make_report(
        layers=(), outputs=(), worst=(), blind_spots=(), evidence=Evidence((), {}, {}), hashes={}, probe={}, versions={}
    )
    text = Outline(render_page(bare)).text
    assert "No layer was compared." in text
    assert "None: the probe reaches every value of every layer." in text


def test_tensors_are_counted_where_several_are_one_variable(tmp_path):
    saved(zoo.RECURRENT.reference(), tmp_path)
    report = convert(tmp_path / "model.pt", tmp_path / "port", pair=zoo.RECURRENT).report
    assert len(report.plan.transfers) == 13
    page = render_page(report)
    assert "<dt>tensors moved</dt><dd>16</dd>" in page
    assert "5 layers, 16 tensors" in page
