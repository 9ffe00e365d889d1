import numpy as np
import pytest
from sklearn import metrics as sklearn_metrics

from tractography.errors import FilteringError
from tractography.filtering.assignment import NO_BUNDLE, Assigner, Assignment, ReferenceCodes, encode_reference
from tractography.filtering.metrics import evaluate
from tractography.filtering.neighbours import ApproximateNeighbours, ExactNeighbours
from tractography.filtering.thresholds import Roc, as_json, derive_rocs, read_thresholds, summarise


def encode(streamlines):
    """The ends of a streamline: a code that knows the order of its points."""
    return np.concatenate([streamlines[:, 0], streamlines[:, -1]], axis=1).astype(np.float32)


@pytest.fixture
def bundles():
    generator = np.random.default_rng(0)
    return {name: [(at + generator.normal(size=(20, 5, 3))).astype(np.float32)] for name, at in (("B", 0), ("A", 50))}


def test_a_streamline_is_found_in_either_order_of_its_points(bundles):
    assigner = Assigner(encode_reference(bundles, encode))
    for order in (1, -1):
        found = assigner.assign(encode(bundles["B"][0][:, ::order]))
        assert [assigner.reference.bundles[label] for label in found.labels] == ["B"] * 20
        np.testing.assert_array_equal(found.distances, 0)


def test_several_neighbours_vote_and_the_nearest_breaks_ties():
    codes = np.array([[0.0], [3.0], [4.0], [-10.0]], np.float32)
    assigner = Assigner(ReferenceCodes(("near", "often"), codes, np.array([0, 1, 1, 0])), neighbours=3)
    found = assigner.assign(np.array([[1.0]]))
    assert (found.labels[0], found.distances[0]) == (1, 2.5)
    found = Assigner(assigner.reference, neighbours=2).assign(np.array([[1.0]]))
    assert (found.labels[0], found.distances[0]) == (0, 1.0)


def test_what_has_no_finite_code_belongs_to_no_bundle(bundles):
    assigner = Assigner(encode_reference(bundles, encode))
    found = assigner.assign(np.array([[np.nan] * 6, [0.0] * 6], np.float32))
    assert found.labels[0] == NO_BUNDLE
    assert found.labels[1] != NO_BUNDLE
    assert not found.kept(np.array([np.inf, np.inf]))[0]


def test_near_codes_far_from_the_origin_keep_their_order():
    generator = np.random.default_rng(1)
    codes = (1e4 + 1e-2 * generator.normal(size=(500, 32))).astype(np.float32)
    queries = (1e4 + 1e-2 * generator.normal(size=(50, 32))).astype(np.float32)
    away = np.linalg.norm(queries[:, None].astype(float) - codes[None], axis=2)
    distances, rows = ExactNeighbours(codes).query(queries, 3)
    np.testing.assert_array_equal(rows, away.argsort(axis=1)[:, :3])
    np.testing.assert_allclose(distances, np.sort(away, axis=1)[:, :3], rtol=1e-12)


def test_the_approximate_index_says_what_it_misses():
    generator = np.random.default_rng(2)
    codes, queries = generator.normal(size=(5000, 32)), generator.normal(size=(300, 32))
    index = ApproximateNeighbours(codes)
    found, _ = index.query(queries, 1)
    nearest, _ = ExactNeighbours(codes).query(queries, 1)
    assert index.recall(queries) == np.mean(found == nearest) > 0.9


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


def test_metrics_are_scikit_learns():
    generator = np.random.default_rng(4)
    truth = generator.integers(-1, 3, 500)
    labels = np.where(generator.random(500) < 0.8, np.maximum(truth, 0), generator.integers(0, 3, 500)).astype(np.int32)
    assignment = Assignment(labels, generator.gamma(2, 1, 500) + 2 * (truth < 0))
    thresholds = np.array([3.0, 4.0, 5.0])
    found = np.where(assignment.kept(thresholds), labels, NO_BUNDLE)
    scored = evaluate(truth, assignment, thresholds, "ABC")
    assert scored.accuracy == sklearn_metrics.accuracy_score(truth, found)
    assert scored.balanced_accuracy == pytest.approx(sklearn_metrics.balanced_accuracy_score(truth, found))
    assert scored.f1 == pytest.approx(sklearn_metrics.f1_score(truth, found, average="macro"))
    order = [0, 1, 2, NO_BUNDLE]
    np.testing.assert_array_equal(scored.confusion, sklearn_metrics.confusion_matrix(truth, found, labels=order))
    for number, (_, scores) in enumerate(scored.bundles):
        yes, said = truth == number, found == number
        assert scores.precision == pytest.approx(sklearn_metrics.precision_score(yes, said))
        assert scores.sensitivity == pytest.approx(sklearn_metrics.recall_score(yes, said))
        assert scores.specificity == pytest.approx(sklearn_metrics.recall_score(~yes, ~said))
    relative = assignment.distances / thresholds[labels]
    assert scored.plausible.auc == pytest.approx(sklearn_metrics.roc_auc_score(truth >= 0, -relative))


def test_more_neighbours_than_there_are_codes_are_refused():
    reference = ReferenceCodes(("A",), np.zeros((2, 3), np.float32), np.zeros(2, np.int32))
    with pytest.raises(FilteringError, match="3 neighbours are wanted of 2"):
        Assigner(reference, neighbours=3)


def test_an_atlas_whose_codes_are_not_finite_is_refused(bundles):
    with pytest.raises(FilteringError, match="not finite"):
        encode_reference(bundles, lambda streamlines: encode(streamlines) * np.nan)
    with pytest.raises(FilteringError, match="no streamlines"):
        encode_reference({"A": []}, encode)
