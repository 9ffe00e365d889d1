import numpy as np
import pytest
from sklearn import metrics as sklearn_metrics

from tractography.errors import FilteringError
from tractography.filtering.assignment import NO_BUNDLE, Assignment
from tractography.filtering.thresholds import Roc, as_json, derive_rocs, read_thresholds, summarise


def test_thresholds_are_those_of_scikit_learns_curve():
    generator = np.random.default_rng(3)
    own, others = generator.gamma(2, 1, 400), generator.gamma(4, 1.2, 300)
    roc = Roc.of(own, others)
    truth, distances = np.repeat([1, 0], [400, 300]), np.concatenate([own, others])
    wrong, kept, scores = sklearn_metrics.roc_curve(truth, -distances, drop_intermediate=False)
    equal = np.abs(kept - (1 - wrong))
    assert roc.point("equal_error") in -scores[equal <= equal.min() + 1e-12]
    assert roc.point("youden") in -scores[np.isclose(kept - wrong, (kept - wrong).max())]
    right = 400 * kept + 300 * (1 - wrong)
    assert roc.point("best_accuracy") in -scores[np.isclose(right, right.max())]
    assert roc.area() == pytest.approx(sklearn_metrics.roc_auc_score(truth, -distances))


def test_of_equally_good_thresholds_the_middle_one_is_taken():
    assert Roc.of(np.array([1.0, 2.0, 3.0]), np.array([10.0, 11.0])).point("equal_error") == 3
    assert Roc.of(np.array([1.0, 3.0]), np.array([2.0])).point("equal_error") == 2


def test_rates_are_those_of_what_a_threshold_keeps_also_below_every_distance():
    roc = Roc.of(np.array([1.0, 2.0, 4.0]), np.array([3.0, 5.0]))
    assert [roc.rates_at(distance) for distance in (0.5, 2.5, 9.0)] == [(0, 0), (0, 2 / 3), (1, 1)]
    wrong, kept = roc.curve()
    assert (wrong[0], kept[0], wrong[-1], kept[-1]) == (0, 0, 1, 1)


def test_only_streamlines_nearest_to_a_bundle_make_its_curve():
    assignment = Assignment(np.array([0, 0, 1, 0]), np.array([1.0, 2.0, 3.0, 4.0]))
    rocs = derive_rocs(assignment, np.array([0, NO_BUNDLE, 0, 1]), ["A", "B"])
    assert (rocs["A"].positives, rocs["A"].negatives) == (1, 2)
    assert (rocs["B"].positives, rocs["B"].negatives) == (0, 1)
    assert rocs["B"].point("equal_error") == 0
    assert rocs["B"].area() is None


def test_without_other_streamlines_all_of_the_bundle_are_kept():
    roc = Roc.of(np.array([1.0, 7.0]), np.array([]))
    assert roc.point("youden") == 7
    assert roc.area() is None


def test_both_layouts_of_thresholds_are_read(tmp_path):
    rocs = {name: Roc.of(np.array([1.0, 2.0]), np.array([1.5, 3.0])) for name in ("A", "B")}
    stored = {name: summarise(roc) for name, roc in rocs.items()}
    (tmp_path / "all.json").write_text(as_json(stored))
    (tmp_path / "flat.json").write_text('{"B": 2, "A": 1.5}')
    np.testing.assert_array_equal(read_thresholds(tmp_path / "flat.json", ["A", "B"]), [1.5, 2])
    youden = read_thresholds(tmp_path / "all.json", ["A", "B"], "youden")
    np.testing.assert_array_equal(youden, [stored[name].youden for name in "AB"])


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ('{"A": 1}', "in the atlas, without threshold: B"),
        ('{"A": 1, "B": 2, "C": 3}', "not in the atlas: C"),
        ('{"A": 1, "B": "far"}', "B has no distance for equal_error: 'far'"),
        ('{"A": 1, "B": -1}', "B has no distance"),
        ('{"A": 1, "B": NaN}', "B has no distance"),
        ("[1, 2]", "must be a JSON object"),
        ("{", "cannot be read"),
    ],
)
def test_unusable_thresholds_are_refused(tmp_path, text, words):
    path = tmp_path / "thresholds.json"
    path.write_text(text)
    with pytest.raises(FilteringError, match=words) as raised:
        read_thresholds(path, ["A", "B"])
    assert str(path) in str(raised.value)


def test_a_published_file_has_one_point_only(tmp_path):
    (tmp_path / "flat.json").write_text('{"A": 1}')
    with pytest.raises(FilteringError, match="A has no distance for youden"):
        read_thresholds(tmp_path / "flat.json", ["A"], "youden")
