"""Lay the steps of the variants of a class beside each other."""

import ast
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import groupby

from porting.writing.shaping.patterns import Pattern

LEAST_SHARED = 0.5
LARGEST_SETTING = 7


@dataclass(slots=True)
class Item:
    """One step of what is written for several variants: in which of them it stands, and where."""

    places: dict[int, int]


def aligned(variants: Sequence[Sequence[Pattern]]) -> list[Item] | None:
    """The steps of all variants in one order; None where too few are alike."""
    items = [Item({0: at}) for at in range(len(variants[0]))]
    for number, steps in enumerate(variants[1:], start=1):
        joined = _joined(items, steps, number, variants)
        shared = sum(len(item.places) > 1 and number in item.places for item in joined)
        contained = shared > 1 and shared == min(len(items), len(steps))
        if shared < LEAST_SHARED * max(len(items), len(steps)) and not contained:
            return None
        items = joined
    return items


def _joined(
    items: Sequence[Item], steps: Sequence[Pattern], number: int, variants: Sequence[Sequence[Pattern]]
) -> list[Item]:
    """Items with one more variant in them, by the alignment in which most is alike."""
    best = [[0.0] * (len(steps) + 1) for _ in range(len(items) + 1)]
    for i in range(len(items) - 1, -1, -1):
        for j in range(len(steps) - 1, -1, -1):
            together = _likeness(items[i], steps[j], variants)
            best[i][j] = max(best[i + 1][j], best[i][j + 1], together + best[i + 1][j + 1] if together else 0.0)
    made: list[Item] = []
    i = j = 0
    while i < len(items) and j < len(steps):
        together = _likeness(items[i], steps[j], variants)
        if together and best[i][j] == together + best[i + 1][j + 1]:
            made.append(Item({**items[i].places, number: j}))
            i, j = i + 1, j + 1
        elif best[i][j] == best[i + 1][j]:
            made.append(items[i])
            i += 1
        else:
            made.append(Item({number: j}))
            j += 1
    made += items[i:]
    return [*made, *(Item({number: at}) for at in range(j, len(steps)))]


def _likeness(item: Item, step: Pattern, variants: Sequence[Sequence[Pattern]]) -> float:
    """Zero where two steps are of different forms; more, the more of their constants are equal."""
    variant, place = next(iter(item.places.items()))
    other = variants[variant][place]
    if other.key != step.key:
        return 0.0
    texts, others = ([ast.dump(constant) for constant in one.constants] for one in (step, other))
    same = [
        (0.2 if hint.in_label else 1.0) * (one == two) for one, two, hint in zip(texts, others, step.hints, strict=True)
    ]
    return 2.0 + (sum(same) / len(same) if same else 1.0) + 0.5 * (_repeated(step) == _repeated(other))


def _repeated(step: Pattern) -> set[tuple[int, int]]:
    """Which of the sizes in a step are equal."""
    sizes = [(at, c.value) for at, c in enumerate(step.constants) if isinstance(c, ast.Constant)]
    sizes = [(at, size) for at, size in sizes if type(size) is int and size > LARGEST_SETTING]
    return {(i, j) for i, one in sizes for j, other in sizes if i < j and one == other}


@dataclass(slots=True)
class Segment:
    """Steps that stand in the same variants; `otherwise` those that stand in all the others."""

    items: list[Item]
    present: frozenset[int]
    otherwise: list[Item]


def segments(items: Sequence[Item], count: int) -> list[Segment]:
    """Runs of steps that stand in the same variants, with what stands in their place elsewhere."""
    everywhere = frozenset(range(count))
    runs = [Segment(list(run), present, []) for present, run in groupby(items, lambda item: frozenset(item.places))]
    made: list[Segment] = []
    for run in runs:
        last = made[-1] if made else None
        if last and last.present != everywhere and not last.otherwise and run.present == everywhere - last.present:
            last.otherwise = run.items
        else:
            made.append(run)
    return made
