"""Find who causes what by trying several at once (group testing; Dorfman, https://doi.org/10.1214/aoms/1177731363).

A test is a set of numbers, each an input or a layer's call that is changed in one sample. What arrives somewhere is
seen to change, or not. Who is in a test that changes nothing there does not reach it; of who is left, each is tried in
a test without the others.
"""

from collections.abc import Callable, Sequence

Test = frozenset[int]

SAMPLES = 32
"""Samples of a run in which something is changed; one more stays as it is."""


BASE = 8
"""Of the places' digits. A larger one takes more tests; with a smaller one neighbours differ in more digits, and the
more digits two causes of a change differ in, the more others look as if they were among them.
"""


def find_causes(
    numbers: Sequence[int], see: Callable[[Sequence[Test]], Sequence[Sequence[bool]]]
) -> tuple[list[set[int]], set[int]]:
    """Who reaches each place, and of whom that is not known as what was seen contradicts itself.

    Parameters
    ----------
    numbers : sequence of int
        All that may reach a place.
    see : callable
        Tests -> for each place whether each test changed it.

    Examples
    --------
    >>> find_causes([1, 2, 3], lambda tests: [[bool(test & {2, 3}) for test in tests]])
    ([{2, 3}], set())
    """
    tests = first_tests(numbers)
    seen = [list(row) for row in see(tests)]
    found = [candidates(tests, row) for row in seen]
    if more := separating_tests(tests, seen, found):
        tests = [*tests, *more]
        seen = [[*row, *new] for row, new in zip(seen, see(more), strict=True)]
        found = [candidates(tests, row) for row in seen]
    unexplained = [_unexplained(tests, *both) for both in zip(seen, found, strict=True)]
    return found, set().union(*unexplained)


def first_tests(numbers: Sequence[int]) -> list[Test]:
    """Each by itself where one run has room for all; else, of their places, all that have one digit in common.

    That tells at once who reaches a place that a single one reaches.

    Examples
    --------
    >>> len(first_tests(range(400)))
    23
    """
    if len(numbers) <= SAMPLES:
        return [frozenset([number]) for number in numbers]
    tests: dict[tuple[int, int], list[int]] = {}
    for place, number in enumerate(numbers):
        digit = 1
        while digit < len(numbers):
            tests.setdefault((digit, place // digit % BASE), []).append(number)
            digit *= BASE
    return [frozenset(tests[at]) for at in sorted(tests)]


def candidates(tests: Sequence[Test], seen: Sequence[bool]) -> set[int]:
    """Who may reach a place, by whether each test changed what arrives there: who is in no test that did not."""
    tried = frozenset[int]().union(*(test for test, changed in zip(tests, seen, strict=True) if changed))
    return set(tried.difference(*(test for test, changed in zip(tests, seen, strict=True) if not changed)))


def separating_tests(tests: Sequence[Test], seen: Sequence[Sequence[bool]], found: Sequence[set[int]]) -> list[Test]:
    """Tests of which each has one candidate at most of each place where some of them are not proven.

    Proven is who was alone among a place's candidates in a test that changed it.
    """
    open_places = [held for row, held in zip(seen, found, strict=True) if not _all_proven(tests, row, held)]
    beside: dict[int, set[int]] = {}
    for held in open_places:
        for number in held:
            beside.setdefault(number, set()).update(held)
    colours: dict[int, int] = {}
    for number in sorted(beside):
        taken = {colours[other] for other in beside[number] if other in colours}
        colours[number] = next(colour for colour in range(len(taken) + 1) if colour not in taken)
    return [
        frozenset(number for number, held in colours.items() if held == colour)
        for colour in range(len(set(colours.values())))
    ]


def _all_proven(tests: Sequence[Test], seen: Sequence[bool], held: set[int]) -> bool:
    alone = {frozenset(test & held) for test, changed in zip(tests, seen, strict=True) if changed}
    return all(frozenset([number]) in alone for number in held)


def _unexplained(tests: Sequence[Test], seen: Sequence[bool], held: set[int]) -> set[int]:
    """Who is in a test that changed a place though none of the place's candidates is in it: a change was not seen."""
    return set().union(*(test for test, changed in zip(tests, seen, strict=True) if changed and not test & held))
