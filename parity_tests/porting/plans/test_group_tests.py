"""Tests of several at once tell of each whether it reaches a place, in few tests."""

import numpy as np
import pytest

from porting.plans.group_tests import candidates, first_tests, separating_tests


def found(numbers, causes):
    """What is told of each place, and in how many tests; a place changes where one of its causes is tried."""
    tests = first_tests(numbers)
    seen = [[bool(test & held) for test in tests] for held in causes]
    told = [candidates(tests, row) for row in seen]
    if more := separating_tests(tests, seen, told):
        tests = [*tests, *more]
        told = [candidates(tests, [bool(test & held) for test in tests]) for held in causes]
    return told, len(tests)


@pytest.mark.parametrize("count", [1, 2, 32, 33, 107, 400])
@pytest.mark.parametrize("most", [0, 1, 3, 20])
def test_who_reaches_each_place_is_told_whatever_reaches_it(count, most):
    generator = np.random.default_rng(count + most)
    numbers = generator.permutation(1000)[:count].tolist()
    sizes = generator.integers(0, min(most, count) + 1, 50)
    causes = [frozenset(generator.permutation(numbers)[:size].tolist()) for size in sizes]
    assert found(numbers, causes)[0] == causes


def test_all_that_reach_one_place_are_told():
    assert found(range(50), [frozenset(range(50)), frozenset()])[0] == [set(range(50)), set()]


def test_a_chain_with_residuals_takes_few_tests():
    """Growth is of the logarithm: each of 400 layers is reached by the one before it and by the fourth before it."""
    causes = [frozenset({max(at - 1, 0), max(at - 4, 0)}) for at in range(400)]
    told, tests = found(range(400), causes)
    assert told == causes
    assert tests <= 40, tests
