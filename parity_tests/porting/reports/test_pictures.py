"""The pictures of a page: what they draw, what cannot be drawn, and their words for who cannot see them."""

import math
import re

import numpy as np

from finta import shipped
from parity_tests.porting.reports.made_reports import REPORTS, layer, make_report
from parity_tests.porting.reports.outline import Outline
from porting.records.verdict import Evidence, WorstSample
from porting.reports.page import render_page
from porting.reports.pictures import LinearAxis, LogAxis, path_through
from porting.reports.value_charts import draw_projections, pair_values
from tractography.batches.batches import draw_balanced


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
