"""The report as a page: whole in one file, nothing loaded, nothing run, everything in it and nothing believed."""

import math
import re
from dataclasses import replace
from html.parser import HTMLParser

import numpy as np
import pytest

from finta import shipped
from parity_tests.porting.zoo import pairs as zoo
from parity_tests.porting.zoo.weights import saved
from porting import convert
from porting.plans.plan import LayerPair, Transfer, TransferPlan
from porting.records.parity import Cause, Divergence
from porting.records.runs import BlindSpot
from porting.records.verdict import Evidence, LayerParity, ParityReport, Part, WorstSample
from porting.reports.page import render_page
from porting.reports.pictures import LinearAxis, LogAxis, path_through
from porting.reports.value_charts import draw_projections, pair_values
from porting.rules.rule import LayerRule
from porting.statuses import Status
from tractography.batches.batches import draw_balanced

HOSTILE = "\"'><script src=http://evil.example/x.js>alert(1)</script><img onerror=alert(1) src=x>{{ 7 * 7 }}&amp;"
PASSED = Part(Status.PASS, ("as it should be",))
FAILED = Part(Status.FAIL, ("as it should not be",))
NOT_CHECKED = Part(Status.NOT_CHECKED, ("no float64 here",))
VOID = {"meta", "link", "br", "img", "input", "hr"}

MISSING = Cause("missing activation", "no ReLU after conv1", "add layers.ReLU() after conv1", 3e-16)
SHIFTED = Cause("shifted upsampling", "half a step to the left", "sample at (i + 0.5) / 2 - 0.5", 2e-16)
REPEATED = Cause("repeating upsampling", "each point twice", "interpolate linearly", 4e-16)
PARTED = (
    Divergence("conv2", "port_conv2", "conv1", "between", 1.4, "sample 3, position 1", "probe", (MISSING,)),
    Divergence("conv3", "port_conv3", "conv2", "between", 0.03, "sample 5", "probe", (SHIFTED, REPEATED)),
    Divergence("conv3", "port_conv3", "conv2", "inside", 0.2, "sample 6", "synthetic activations"),
)


def layer(name, before="", **changes):
    row = LayerParity(
        reference=name,
        port=f"port_{name}",
        kind="Conv1d -> Conv1D",
        landmark="",
        sources=(before,),
        float64_input_error=0.0,
        float64_output_error=2e-16,
        own_input_error=0.0,
        own_output_error=1e-16,
        synthetic_input_error=0.0,
        synthetic_output_error=3e-16,
        float32_ratio=1.1,
        own_float32_ratio=1.0,
        float32_error=2e-7,
        reference_float32_error=1.8e-7,
        ulp_at_scale=2.5,
    )
    return replace(row, **changes)


def plan_of(*names):
    rule = LayerRule("Conv1d", "Conv1D", {}, note="a row with a note")
    pattern = "filter channel tap -> tap channel filter"
    return TransferPlan(
        tuple(
            LayerPair(
                name,
                name,
                rule,
                (Transfer((f"{name}.weight",), f"{name}/kernel", pattern, (4, 2, 3), (3, 2, 4)),),
                "",
                "",
            )
            for name in names
        )
    )


def make_report(**changes):
    streamlines = draw_balanced(shipped.DIPY_BATCHES, 24).streamlines
    truth = streamlines.astype(np.float64) + 1e-3
    report = ParityReport(
        pair="a pair",
        transfer=PASSED,
        semantics=PASSED,
        deployed=PASSED,
        training=PASSED,
        divergences=(),
        layers=(layer("conv1"), layer("conv2", "conv1"), layer("conv3", "conv2")),
        outputs=(layer("points", "conv3", kind="output", float64_input_error=None, own_output_error=None),),
        worst=(WorstSample("points", "bundle row 7", 3e-5, 1e-5, "mm"),),
        blind_spots=(BlindSpot("conv2", "8 of 64 values of bias change no output", True),),
        plan=plan_of("conv1", "conv2", "conv3"),
        versions={"porting": "0.1.0", "backend": "tensorflow", "keras": "3.15.1"},
        probe={"source": "batches.h5, 3 classes", "samples": 24, "sha256": "f00d" * 16},
        evidence=Evidence(
            (streamlines,), {"code": (truth[:, :8, 0], streamlines[:, :8, 0])}, {"points": (truth, streamlines)}
        ),
        hashes={"port.keras": "beef" * 16},
    )
    return replace(report, **changes)


class Outline(HTMLParser):
    """Tags, attributes and text of a page, and whether every tag is closed in its turn."""

    def __init__(self, page):
        super().__init__()
        self.open, self.tags, self.attributes, self.words = [], [], [], []
        self.feed(page)
        assert self.open == []

    def handle_starttag(self, tag, attrs):
        self.tags.append(tag)
        self.attributes += [(tag, name, value or "") for name, value in attrs]
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag, attrs):
        self.handle_starttag(tag, attrs)
        if tag not in VOID:
            self.open.pop()

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        if self.open and self.open[-1] != "style":
            self.words.append(data)

    @property
    def text(self):
        return " ".join("".join(self.words).split())


def assert_loads_and_runs_nothing(page):
    outline = Outline(page)
    assert not {"script", "iframe", "object", "embed", "img", "base", "form", "use", "image"} & set(outline.tags)
    for tag, name, value in outline.attributes:
        assert not name.startswith("on"), (tag, name)
        if name in ("href", "src", "xlink:href", "data", "action"):
            assert value.startswith("#") or value == "data:,", (tag, name, value)
    style = page[page.index("<style>") : page.index("</style>")]
    assert "url(" not in style
    assert "@import" not in style
    return outline


REPORTS = {
    "PASS": make_report(),
    "FAIL": make_report(semantics=FAILED, divergences=PARTED),
    "NOT CHECKED": make_report(semantics=NOT_CHECKED),
}


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


def test_what_was_not_checked_and_what_is_infinite_is_drawn_all_the_same():
    unchecked = dict.fromkeys(
        ("float64_input_error", "float64_output_error", "own_input_error", "own_output_error", "own_float32_ratio")
    ) | {"synthetic_input_error": None, "synthetic_output_error": None}
    infinite = {"float64_output_error": math.inf, "float32_ratio": math.inf, "float32_error": math.inf}
    infinite |= {"own_output_error": math.nan, "ulp_at_scale": math.inf}
    zero = {"float64_output_error": 0.0, "float32_error": 0.0, "reference_float32_error": 0.0, "float32_ratio": 0.0}
    page = render_page(make_report(layers=(layer("a", **unchecked), layer("b", **infinite), layer("c", **zero))))
    assert "inf" in Outline(page).text
    paths = re.findall(r' d="([^"]*)"', page)
    assert paths
    assert not [path for path in paths if "nan" in path or "inf" in path]
    alone = make_report(layers=(layer("a", **unchecked),), outputs=())
    assert "Relative error in float64" not in render_page(alone)


def test_bare_reports_have_a_page():
    bare = make_report(
        layers=(), outputs=(), worst=(), blind_spots=(), evidence=Evidence((), {}, {}), hashes={}, probe={}, versions={}
    )
    text = Outline(render_page(bare)).text
    assert "No layer was compared." in text
    assert "None: the probe reaches every value of every layer." in text


def test_values_that_cannot_be_drawn_are_said_to_be_so():
    broken = np.full((2, 5, 3), np.nan)
    evidence = Evidence(
        (),
        {"code": (np.zeros((2, 3)), np.zeros((2, 4))), "lost": (np.array([1.0, 2.0]), np.array([1.0, np.inf]))},
        {
            "points": (np.zeros((2, 5, 3)), broken),
            "scores": (np.ones(4), np.full(4, np.nan)),
            "none": (np.ones(0),) * 2,
        },
    )
    text = Outline(render_page(make_report(evidence=evidence, worst=()))).text
    assert "shapes differ: (2, 3) in the reference, (2, 4) in the port" in text
    assert "1 are not finite in one of the models" in text
    assert "there is no finite value to draw" in text


def test_worst_samples_are_drawn_first_under_their_names_and_in_their_unit():
    truth = draw_balanced(shipped.DIPY_BATCHES, 24).streamlines.astype(np.float64)
    port = truth.copy()
    port[7] += [0.0, 3.0, 4.0]
    names = tuple(f"bundle row {row}" for row in range(24))
    evidence = Evidence((truth.astype(np.float32),), {}, {"points": (truth, port)}, names)
    page = render_page(make_report(evidence=evidence, worst=(WorstSample("points", "bundle row 7", 5.0, 5.0, "mm"),)))
    cards = Outline(
        page[page.index('<ul class="samples">') : page.index("Samples that differ most")].rpartition("<h3>")[0]
    )
    assert cards.text.startswith("bundle row 7 greatest 5.000 mm, mean 5.000 mm")
    assert cards.tags.count("svg") == 3 * cards.tags.count("h4") <= 36


def test_pictures_and_tables_have_words_for_who_cannot_see_them():
    page = render_page(REPORTS["FAIL"])
    pictures = re.findall(r"<svg.*?</svg>", page, re.S)
    assert len(pictures) > 30
    for picture in pictures:
        title, description = re.search(r'aria-labelledby="(\S+) (\S+)"', picture).groups()
        assert re.search(rf'<title id="{title}">[^<]+</title>', picture)
        assert re.search(rf'<desc id="{description}">[^<]+</desc>', picture)
    ids = re.findall(r' id="([^"]*)"', page)
    assert len(ids) == len(set(ids))
    assert page.count("<table") == page.count("<caption")
    assert len(re.findall(r"<th(?=[ >])", page)) == len(re.findall(r"<th scope=", page))


def test_zero_is_the_floor_and_infinity_the_ceiling_of_a_logarithmic_axis():
    axis = LogAxis(-17, -11, floor=200.0, ceiling=20.0)
    assert axis.at(0.0) == 200.0
    assert axis.at(math.inf) == axis.at(math.nan) == 20.0
    heights = [axis.at(value) for value in (0.0, 1e-30, 1e-16, 1e-12, 1.0, math.inf)]
    assert heights == sorted(heights, reverse=True)
    assert [text for _, text in axis.ticks()] == ["0", *(f"1e{exponent}" for exponent in range(-17, -10)), "∞"]


def test_axes_tick_at_round_values_and_lines_break_at_what_is_not_finite():
    assert [text for _, text in LinearAxis(-9.0, 11.0, 0.0, 100.0).ticks()] == ["-5", "0", "5", "10"]
    assert path_through([(0, 0), (1, 1), (math.nan, 2), (3, 3.25), (4, 4)]) == "M0 0L1 1M3 3.2L4 4"


def test_a_value_far_off_is_drawn_among_very_many():
    port = np.zeros(100_000)
    port[77_777] = 1.0
    thinned = pair_values(np.zeros(100_000), port).thinned()
    assert thinned.greatest == 1.0
    assert thinned.reference.size <= 2001


def test_projections_keep_one_scale():
    box = np.array([[[0.0, 0.0, 0.0], [100.0, 10.0, 50.0]]])
    views = draw_projections("box", (None, box, box), "mm", 200.0)
    ends = [list(map(float, re.findall(r"[\d.]+", view.strokes[0].d))) for view in views]
    extents = [(abs(x2 - x1), abs(y2 - y1)) for x1, y1, x2, y2 in ends]
    scale = extents[0][0] / 100
    expected = [(100, 10), (100, 50), (10, 50)]
    assert np.allclose(extents, np.array(expected) * scale, atol=0.11)


def test_tensors_are_counted_where_several_are_one_variable(tmp_path):
    saved(zoo.RECURRENT.reference(), tmp_path)
    report = convert(tmp_path / "model.pt", tmp_path / "port", pair=zoo.RECURRENT).report
    assert len(report.plan.transfers) == 13
    page = render_page(report)
    assert "<dt>tensors moved</dt><dd>16</dd>" in page
    assert "5 layers, 16 tensors" in page
