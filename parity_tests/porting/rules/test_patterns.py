import numpy as np
import pytest

from porting.errors import PairError
from porting.rules import patterns


def test_a_pattern_reads_both_ways():
    kernel = np.arange(24.0).reshape(2, 3, 4)
    moved = patterns.to_port(kernel, "filter channel tap -> tap channel filter")
    assert moved.shape == (4, 3, 2)
    assert moved[3, 1, 0] == kernel[0, 1, 3]
    assert np.array_equal(patterns.to_reference(moved, "filter channel tap -> tap channel filter"), kernel)


def test_merged_axes_take_their_lengths_from_the_port():
    pattern = "(channel multiplier) 1 tap -> tap channel multiplier"
    weight = np.arange(18.0).reshape(6, 1, 3)
    moved = patterns.to_port(weight, pattern, (3, 2, 3))
    assert moved[2, 1, 0] == weight[3, 0, 2]
    assert np.array_equal(patterns.to_reference(moved, pattern), weight)


def test_an_axis_whose_members_have_names_is_reordered():
    pattern, weight = "(gate=rzn unit) feature -> feature (gate=zrn unit)", np.arange(12.0).reshape(6, 2)
    moved = patterns.to_port(weight, pattern, (2, 6))
    assert moved[0].tolist() == [4, 6, 0, 2, 8, 10]
    assert np.array_equal(patterns.to_reference(moved, pattern), weight)


def test_a_stack_moves_as_one():
    pattern, stack = "bias=2 (gate=rzn unit) -> bias=2 (gate=zrn unit)", np.arange(6.0).reshape(2, 3)
    moved = patterns.to_port(stack, pattern)
    assert moved.tolist() == [[1, 0, 2], [4, 3, 5]]
    assert np.array_equal(patterns.to_reference(moved, pattern), stack)


def test_an_axis_that_the_port_lacks_is_summed_and_comes_back_in_its_first_member():
    pattern = "bias=2 unit -> unit"
    summed = patterns.to_port(np.array([[1.0, -2.0], [3.0, 4.0]]), pattern)
    assert summed.tolist() == [4, 2]
    assert patterns.to_reference(summed, pattern).tolist() == [[4, 2], [0, 0]]
    assert patterns.gradient_to_reference(summed, pattern).tolist() == [[4, 2], [4, 2]]


@pytest.mark.parametrize("pattern", ["unit feature -> unit", "(gate=rzn unit) -> (gate=zrx unit)"])
def test_a_pattern_that_loses_an_axis_or_a_member_is_refused(pattern):
    with pytest.raises(PairError, match="does not fit"):
        patterns.to_port(np.ones((6, 2) if "feature" in pattern else 6), pattern)


@pytest.mark.parametrize(
    ("reference_shape", "port_shape", "differing"),
    [
        ((64, 32, 3), (3, 32, 64), []),
        ((64, 32, 3), (5, 32, 64), ["tap"]),
        ((64, 32, 3), (3, 64, 32), ["filter", "channel"]),
    ],
)
def test_differing_axes_are_named(reference_shape, port_shape, differing):
    assert patterns.differing_axes("filter channel tap -> tap channel filter", reference_shape, port_shape) == differing


def test_merged_axes_that_do_not_multiply_up_are_named():
    pattern = "(channel multiplier) 1 tap -> tap channel multiplier"
    assert patterns.differing_axes(pattern, (6, 1, 3), (3, 2, 3)) == []
    assert patterns.differing_axes(pattern, (7, 1, 3), (3, 2, 3)) == ["channel multiplier"]
    assert patterns.differing_axes(pattern, (6, 2, 3), (3, 2, 3)) == ["unit axis"]


def test_gates_of_another_number_of_units_are_named():
    pattern = "(gate=rzn unit) feature -> feature (gate=zrn unit)"
    assert patterns.differing_axes(pattern, (12, 5), (5, 12)) == []
    assert patterns.differing_axes(pattern, (15, 5), (5, 12)) == ["gate unit"]
    assert patterns.differing_axes(pattern, (12, 5), (5, 13)) == ["gate unit"]


def test_shapes_are_written_with_their_axis_names():
    reference, port = patterns.parse("(channel multiplier) 1 tap -> tap channel multiplier")
    assert patterns.describe(reference, (6, 1, 3)) == "(channel multiplier)=6 1=1 tap=3"
    assert patterns.describe(port, (3, 2, 3)) == "tap=3 channel=2 multiplier=3"
