"""Tests of several at once tell of each whether it reaches a place, in few tests."""

import numpy as np
import pytest

from porting.plans.group_tests import find_causes


def found(numbers, causes):
    """What is told of each place, and in how many tests; a place changes where one of its causes is tried."""
    taken = []

    def see(tests):
        taken.extend(tests)
        return [[bool(test & held) for test in tests] for held in causes]

    told, contradicted = find_causes(numbers, see)
    assert not contradicted
    return told, len(taken)


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
    causes = [frozenset({max(at - 1, 0), max(at - 4, 0)}) for at in range(400)]
    told, tests = found(range(400), causes)
    assert told == causes
    assert tests <= 40, tests


def test_a_change_that_is_not_seen_once_is_told_to_be_contradictory():
    missed = []

    def see(tests):
        changed = [5 in test for test in tests]
        if not missed:
            missed.append(changed.index(True))
            changed[missed[0]] = False
        return [changed]

    told, contradicted = find_causes(range(100), see)
    assert 5 in contradicted
    assert told == [set()]
