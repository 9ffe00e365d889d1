import numpy as np
import pytest

from porting import patterns


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


def test_shapes_are_written_with_their_axis_names():
    reference, port = patterns.parse("(channel multiplier) 1 tap -> tap channel multiplier")
    assert patterns.describe(reference, (6, 1, 3)) == "(channel multiplier)=6 1=1 tap=3"
    assert patterns.describe(port, (3, 2, 3)) == "tap=3 channel=2 multiplier=3"
