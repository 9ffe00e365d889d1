import numpy as np
import pytest

from tractography.errors import FilteringError
from tractography.filtering.assignment import NO_BUNDLE, Assigner, ReferenceCodes, encode_reference
from tractography.filtering.neighbours import ApproximateNeighbours, ExactNeighbours


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


def test_more_neighbours_than_there_are_codes_are_refused():
    reference = ReferenceCodes(("A",), np.zeros((2, 3), np.float32), np.zeros(2, np.int32))
    with pytest.raises(FilteringError, match="3 neighbours are wanted of 2"):
        Assigner(reference, neighbours=3)


def test_an_atlas_whose_codes_are_not_finite_is_refused(bundles):
    with pytest.raises(FilteringError, match="not finite"):
        encode_reference(bundles, lambda streamlines: encode(streamlines) * np.nan)
    with pytest.raises(FilteringError, match="no streamlines"):
        encode_reference({"A": []}, encode)
