import numpy as np
import pytest
from matplotlib.collections import LineCollection, PathCollection
from matplotlib.colors import to_rgb
from matplotlib.text import Text

from finta.pages import charts, pictures
from finta.pages.colours import NAMED, SECOND, SOFT, colour_directions
from finta.pages.projections import DRAWN, choose_streamlines

GENERATOR = np.random.default_rng(0)
HUNDRED = [f"Association_Bundle{number}" for number in range(106)]


def streamlines(count, offset=0.0):
    lengths = GENERATOR.integers(2, 90, count)
    return [(GENERATOR.normal(size=(length, 3)).cumsum(axis=0) + offset).astype(np.float32) for length in lengths]


def words(figure):
    figure.draw_without_rendering()
    return [text.get_text().replace(r"\$", "$") for text in figure.findobj(Text) if text.get_text()]


def drawn(figure):
    return [axes.findobj(LineCollection)[0] for axes in figure.findobj(lambda artist: hasattr(artist, "get_xlabel"))]


def curve(area):
    false = np.linspace(0, 1, 50)
    return false, false ** (1 / area - 1), area


def overlaps(figure, texts):
    figure.draw_without_rendering()
    boxes = [text.get_window_extent() for text in texts]
    return [
        (a.get_text(), b.get_text())
        for i, (a, first) in enumerate(zip(texts, boxes, strict=True))
        for b, second in zip(texts[i + 1 :], boxes[i + 1 :], strict=True)
        if first.shrunk(0.95, 0.8).overlaps(second.shrunk(0.95, 0.8))
    ]


def test_kept_and_removed_are_drawn_in_the_same_limits_with_units_on_their_axes():
    figure = charts.draw_kept_and_removed(streamlines(40), streamlines(7, offset=300.0))
    views = figure.findobj(lambda artist: hasattr(artist, "get_xlabel"))
    assert [len(view.findobj(LineCollection)[0].get_segments()) for view in views] == [40] * 3 + [7] * 3
    for kept, removed in zip(views[:3], views[3:], strict=True):
        assert kept.get_xlim() == removed.get_xlim()
        assert kept.get_ylim() == removed.get_ylim()
        assert kept.get_aspect() == 1.0
        assert "mm" in kept.get_xlabel()
    assert {"kept: 40", "removed: 7"} <= set(words(figure))


def test_projections_show_the_two_axes_that_they_name():
    line = np.array([[1.0, 20.0, 300.0], [2.0, 30.0, 400.0]])
    above, behind, side = (held.get_segments()[0] for held in drawn(charts.draw_generated([], [line]))[:3])
    assert np.array_equal(above, line[:, [0, 1]])
    assert np.array_equal(behind, line[:, [0, 2]])
    assert np.array_equal(side, line[:, [1, 2]])


@pytest.mark.parametrize(
    "draw",
    [
        lambda: charts.draw_kept_and_removed([], []),
        lambda: charts.draw_kept_and_removed(streamlines(3), []),
        lambda: charts.draw_kept_and_removed([], streamlines(3)),
        lambda: charts.draw_kept_and_removed([np.zeros((0, 3)), np.zeros((1, 3))], [np.full((5, 3), np.nan)]),
        lambda: charts.draw_kept_and_removed([np.zeros((4, 3))], [np.ones((4, 3))]),
        lambda: charts.draw_generated([], []),
        lambda: charts.draw_bundles({}),
        lambda: charts.draw_bundles({"a": [], "b": streamlines(2)}),
        lambda: charts.draw_roc({}, {}),
        lambda: charts.draw_roc({"a": (np.array([0.0, 1.0]), np.array([0.0, 1.0]), float("nan"))}, {"a": (0.0, 1.0)}),
        lambda: charts.draw_roc(dict.fromkeys(HUNDRED, (np.zeros(2), np.ones(2), float("nan"))), {}),
        lambda: charts.draw_confusion(np.zeros((2, 2)), ["a", "b"]),
        lambda: pictures.draw_latent_codes(np.zeros((1, 1)), ["a"]),
    ],
)
def test_what_is_empty_or_degenerate_is_drawn_all_the_same(draw, tmp_path):
    draw().savefig(tmp_path / "picture.png")
    assert (tmp_path / "picture.png").stat().st_size > 1000


def test_of_very_many_streamlines_some_are_drawn_always_the_same_and_the_title_says_so():
    many = streamlines(DRAWN + 500)
    figure = charts.draw_kept_and_removed(many, [])
    assert f"kept: {DRAWN:,} of {DRAWN + 500:,} drawn" in words(figure)
    assert len(drawn(figure)[0].get_segments()) == DRAWN
    again = choose_streamlines(many)
    assert all(np.array_equal(one, other) for one, other in zip(choose_streamlines(many), again, strict=True))


def test_pictures_of_a_sample_say_of_how_many_it_is():
    kept, removed = streamlines(5), streamlines(3)
    assert {"kept: 5 of 1,686 drawn", "removed: 3 of 40 drawn"} <= set(
        words(charts.draw_kept_and_removed(kept, removed, (1686, 40)))
    )
    assert "streamlines of 1 bundles: 5 of 1,686 drawn" in words(charts.draw_bundles({"a": kept}, {"a": 3}, 1686))
    codes = GENERATOR.normal(size=(5, 4))
    assert "latent codes: 5 of 1,686 drawn" in words(pictures.draw_latent_codes(codes, ["a"] * 5, {"a": 3}, 1686))
    assert "seeds: 3 of 40 drawn" in words(charts.draw_generated(kept, removed, 40))


@pytest.mark.parametrize("count", [3, 30])
def test_bundles_have_the_tables_numbers_and_one_colour_in_all_pictures(count):
    numbers = {f"bundle_{chr(122 - place % 26)}{place}": 7 * place for place in range(count)}
    present = [name for name in numbers if numbers[name] != 7]
    space = charts.draw_bundles({name: streamlines(2) for name in present}, numbers)
    classes = [*present, *present, "implausible"]
    codes = pictures.draw_latent_codes(GENERATOR.normal(size=(len(classes), 8)), classes, numbers)
    keys = []
    for figure in (space, codes):
        (legend,) = [part.legends[0] for part in figure.subfigs if part.legends]
        texts = [text.get_text() for text in legend.get_texts()]
        keys.append(dict(zip(texts, (to_rgb(line.get_color()) for line in legend.get_lines()), strict=True)))
    assert list(keys[0]) == [f"{numbers[name]}  {name}" for name in present]
    assert keys[1] == {**keys[0], "implausible": to_rgb(SOFT)}


def test_long_names_are_told_apart_in_a_key():
    names = [f"ProjectionBrainstem_NonDecussatingDentato{side}{'rubrothalamic' * 2}Tract" for side in ("_L_", "_R_")]
    figure = charts.draw_bundles({name: streamlines(1) for name in names})
    (legend,) = [part.legends[0] for part in figure.subfigs if part.legends]
    left, right = (text.get_text() for text in legend.get_texts())
    assert ("_L_" in left, "_R_" in right, max(len(left), len(right)) <= 48) == (True, True, True)


def test_long_streamlines_keep_their_ends():
    line = np.arange(3000.0).reshape(1000, 3)
    (thinned,) = choose_streamlines([line])
    assert len(thinned) < 100
    assert np.array_equal(thinned[[0, -1]], line[[0, -1]])


def test_directions_have_the_colours_of_the_field():
    across, along, up = (np.outer([-1.0, 0.0, 1.0], axis) for axis in np.eye(3))
    assert np.array_equal(colour_directions([across, along, up]) > 0, np.eye(3, dtype=bool))
    assert np.array_equal(colour_directions([across]), colour_directions([across[::-1]]))
    assert np.array_equal(colour_directions([np.ones((3, 3))]), np.zeros((1, 3)))


def test_every_one_of_many_bundles_is_drawn_in_its_colour_and_named():
    names = [f"bundle {number}" for number in range(210)]
    figure = charts.draw_bundles({name: streamlines(30 if name == "bundle 0" else 1) for name in names})
    assert set(names) <= set(words(figure))
    colours = {tuple(colour[:3]) for colour in drawn(figure)[0].get_colors()}
    assert len(colours) == 210


def test_generated_streamlines_are_told_from_seeds():
    figure = charts.draw_generated(streamlines(5), streamlines(2))
    seeds, generated = drawn(figure)[0], drawn(figure)[3]
    assert (len(seeds.get_segments()), len(generated.get_segments())) == (2, 5)
    assert np.allclose(generated.get_colors()[:, :3], to_rgb(SECOND))
    assert {"seeds: 2", "generated: 5"} <= set(words(figure))


def test_few_curves_are_all_named_with_their_areas_and_thresholds_marked():
    curves = {"AF_L": curve(0.9), "_hidden": curve(0.8), "$_{{5}$": curve(0.7)}
    figure = charts.draw_roc(curves, {"AF_L": (0.1, 0.8)})
    assert {"AF_L  0.900", "_hidden  0.800", "$_{{5}$  0.700", "chosen threshold"} <= set(words(figure))
    for axes in figure.axes:
        assert any(np.array_equal(line.get_xydata(), [[0.1, 0.8]]) for line in axes.lines)


def test_of_many_curves_all_are_drawn_and_the_worst_are_named():
    areas = dict(zip(HUNDRED, GENERATOR.permutation(np.linspace(0.6, 0.99, len(HUNDRED))), strict=True))
    figure = charts.draw_roc({name: curve(area) for name, area in areas.items()}, dict.fromkeys(HUNDRED, (0.1, 0.9)))
    axes, histogram = figure.axes
    assert len([line for line in axes.lines if len(line.get_xdata()) == 50]) == len(HUNDRED)
    named = [text.get_text() for text in axes.get_legend().get_texts()]
    lowest = sorted(HUNDRED, key=areas.__getitem__)[:5]
    assert named == [*(f"{name}  {areas[name]:.3f}" for name in lowest), "chosen threshold"]
    assert sum(patch.get_height() for patch in histogram.patches) == len(HUNDRED)


def test_confusion_is_shares_of_the_true_class():
    figure = charts.draw_confusion(np.array([[3, 1, 0], [0, 0, 0], [0, 5, 5]]), ["a", "b", "c"])
    assert np.array_equal(figure.axes[0].images[0].get_array(), [[0.75, 0.25, 0], [0, 0, 0], [0, 0.5, 0.5]])
    assert {"75.0%\n3", "balanced accuracy 62.5%"} <= set(words(figure))


def test_every_one_of_many_classes_is_named_on_both_axes_of_a_confusion_without_overlap():
    figure = charts.draw_confusion(np.eye(len(HUNDRED)), HUNDRED)
    axes = figure.axes[0]
    assert [text.get_text() for text in axes.get_xticklabels()] == HUNDRED
    assert [text.get_text() for text in axes.get_yticklabels()] == HUNDRED
    assert not overlaps(figure, axes.get_yticklabels())


@pytest.mark.parametrize("count", [3, NAMED, 106])
def test_latent_codes_of_every_class_are_drawn_and_every_class_is_named(count):
    names = HUNDRED[:count]
    classes = [names[0]] * 20_000 + names
    codes = GENERATOR.normal(size=(len(classes), 32))
    figure = pictures.draw_latent_codes(codes, classes)
    (points,) = figure.findobj(PathCollection)
    assert count <= len(points.get_offsets()) <= 6000 + count
    assert len({tuple(colour) for colour in points.get_facecolors()}) == count
    texts = words(figure)
    assert all(any(text.endswith(name) for text in texts) for name in names)


def test_numbers_among_latent_codes_do_not_overlap():
    centres = GENERATOR.normal(size=(106, 32))
    codes = (centres[:, None] + 0.1 * GENERATOR.normal(size=(106, 40, 32))).reshape(-1, 32)
    figure = pictures.draw_latent_codes(codes, list(np.repeat(HUNDRED, 40)))
    numbers = [text for text in figure.findobj(Text) if text.get_text().isdigit() and text.get_path_effects()]
    assert len(numbers) > 40
    assert not overlaps(figure, numbers)


def test_names_in_a_key_stay_in_the_picture_and_below_the_axes():
    long = [f"ProjectionBrainstem_NonDecussatingDentatorubrothalamicTract{number}" for number in range(106)]
    for names in (long, HUNDRED, long[:12], HUNDRED[:3]):
        figure = charts.draw_bundles({name: streamlines(1) for name in names})
        figure.draw_without_rendering()
        (legend,) = [part.legends[0] for part in figure.subfigs if part.legends]
        assert len(legend.get_texts()) == len(names)
        assert not overlaps(figure, legend.get_texts())
        box, page = legend.get_window_extent(), figure.bbox
        assert page.x0 <= box.x0
        assert box.x1 <= page.x1
        assert page.y0 <= box.y0
        view = figure.subfigs[0].axes[0].get_tightbbox()
        assert view is not None
        assert box.y1 <= view.y0 + 1


def test_reconstructions_are_drawn_beside_their_streamlines():
    truth = np.stack([line[:2] for line in streamlines(6)])
    figure = pictures.draw_reconstructions(truth, truth + 1)
    assert [len(held.get_segments()) for held in drawn(figure)] == [12] * 3
    assert {"streamlines", "reconstructed"} <= set(words(figure))
