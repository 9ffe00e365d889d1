"""Two sides that decide otherwise: rows and margins are named, and what rounding explains is told from the rest."""

import numpy as np
import pytest

from tractography.agreement.comparison import compare
from tractography.agreement.decisions import EPSILON, decide
from tractography.filtering.assignment import NO_BUNDLE, ReferenceCodes
from tractography.filtering.thresholds import POINTS

RELATIVE = 8 * EPSILON
LINE = ReferenceCodes(("A", "B"), np.array([[0, 1], [40, 1]], np.float32), np.array([0, 1], np.int32))


def decided(known, others, labels):
    """Decide about codes on a line between the code of A, at 0, and that of B, at 40."""
    places = np.array([*known, *others], np.float32)
    codes = np.stack([places, np.ones_like(places)], axis=1)
    return decide(LINE, codes, np.array(labels, np.int32))


def test_a_label_on_the_edge_between_bundles_is_listed_and_explained():
    below, above = np.nextafter(np.float32(20), 0), np.nextafter(np.float32(20), 40)
    sides = [decided([5, 35], [10, place], [0, 1]) for place in (below, above)]
    found = compare(sides[0], sides[1], RELATIVE)
    (held,) = found.disagreements
    assert (held.row, held.what, held.reference, held.port) == (3, "label", "A, removed", "B, removed")
    assert held.margin == pytest.approx(2 * max(20 - below, above - 20))
    assert held.rounding == pytest.approx(RELATIVE * (2 * np.hypot(20, 1) + 1 + np.hypot(40, 1)))
    assert held.is_explained
    assert (found.labels, found.streamlines) == ((2, 1), 2)
    assert not compare(sides[0], sides[1], RELATIVE / 100).disagreements[0].is_explained


def test_a_streamline_on_the_threshold_is_listed_and_explained():
    on, beyond = np.float32(5), np.nextafter(np.float32(5), 40)
    found = compare(decided([5], [on], [0]), decided([5], [beyond], [0]), RELATIVE)
    (held,) = found.disagreements
    assert (held.row, held.what, held.reference, held.port) == (1, "kept", "A, kept", "A, removed")
    assert held.margin == pytest.approx(beyond - 5)
    assert held.is_explained
    assert found.kept == (1, 0)


def test_a_reference_on_the_very_edge_excuses_no_port_that_is_far_from_it():
    for place in (5.5, 21):
        held, code = compare(decided([5], [5], [0]), decided([5], [place], [0]), RELATIVE).disagreements
        assert code.what == "code"
        assert held.margin > 0.4
        assert not held.is_explained


def test_a_threshold_that_stands_elsewhere_is_explained_by_a_known_streamline_on_the_edge():
    below, above = np.nextafter(np.float32(20), 0), np.nextafter(np.float32(20), 40)
    labels = [0, 0, 0, NO_BUNDLE, NO_BUNDLE]
    sides = [decided([1, 5, 9, 4, edge], [4.5], labels) for edge in (below, above)]
    assert [held.thresholds[0] for held in sides] == [5, 4]
    found = compare(sides[0], sides[1], RELATIVE)
    threshold = next(held for held in found.disagreements if held.what == "threshold")
    kept = next(held for held in found.disagreements if held.row == 5)
    assert (threshold.reference, threshold.port, threshold.is_explained) == ("threshold 5", "threshold 4", True)
    assert (kept.what, kept.margin, kept.is_explained) == ("kept", 0.5, True)
    moved = decided([1, 5, 9, 4, 21], [4.5], labels)
    assert not any(held.is_explained for held in compare(sides[0], moved, RELATIVE).disagreements)


CROWD = ReferenceCodes(
    ("A", "B"), np.array([[0, 1], [2, 1], [4, 1], [38, 1], [40, 1]], np.float32), np.array([0, 0, 0, 1, 1], np.int32)
)


def crowded(places, labels=()):
    """Three neighbours decide about codes on a line: those of A are at 0, 2 and 4, those of B at 38 and 40."""
    codes = np.stack([np.float32(places), np.ones(len(places), np.float32)], axis=1)
    return decide(CROWD, codes, np.array(labels, np.int32), neighbours=3)


def test_with_several_neighbours_the_two_that_changed_places_explain_a_label():
    below, above = np.nextafter(np.float32(21), 0), np.nextafter(np.float32(21), 40)
    sides = [crowded([0, place]) for place in (below, above)]
    assert [held.found.labels[1] for held in sides] == [0, 1]
    (held,) = compare(sides[0], sides[1], RELATIVE).disagreements
    assert (held.row, held.what) == (1, "label")
    assert held.margin == pytest.approx(2 * max(21 - below, above - 21))
    assert held.is_explained
    far = compare(sides[0], crowded([0, 21.5]), RELATIVE).disagreements
    assert [(held.what, held.is_explained) for held in far] == [("label", False), ("code", False)]


def test_a_distance_that_jumps_is_explained_by_neighbours_of_other_bundles_that_changed_places():
    codes = np.array([[0, 1], [9, 1], [11, 1], [20, 1]], np.float32)
    reference = ReferenceCodes(("A", "B"), codes, np.array([0, 0, 0, 1], np.int32))

    def decided_at(edge):
        held = np.array([[edge, 1], [9.5, 1]], np.float32)
        return decide(reference, held, np.array([0], np.int32), neighbours=3)

    sides = [decided_at(edge) for edge in (np.nextafter(np.float32(10), 0), np.nextafter(np.float32(10), 20))]
    assert [held.found.distances[0] for held in sides] == pytest.approx([4, 1])
    found = compare(sides[0], sides[1], RELATIVE)
    assert (found.beyond, found.codes) == (0, 0)
    assert {(held.what, held.row) for held in found.disagreements} == {("threshold", 0), ("kept", 1)}
    assert all(held.is_explained and held.margin > 2 for held in found.disagreements)
    far = compare(sides[0], decided_at(10.1), RELATIVE)
    assert far.beyond == 1
    assert not any(held.is_explained for held in far.disagreements)


def test_thresholds_stand_where_on_the_roc_they_are_wanted():
    codes = np.stack([np.float32([6, 1, 3, 7, 2, 5]), np.ones(6, np.float32)], axis=1)
    labels = np.array([0, 0, NO_BUNDLE, 0, NO_BUNDLE, 0], np.int32)
    found = {point: decide(LINE, codes, labels, point=point).thresholds[0] for point in POINTS}
    assert found == {"equal_error": 3, "youden": 1, "best_accuracy": 7}
