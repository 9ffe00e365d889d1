"""What decides between layers that stand in the same place of what reaches what: names, proof, settings."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice, permutations

from porting.plans.partners.by_order import Fit
from porting.plans.partners.colours import Colours, Graph, are_alike, refined
from porting.plans.partners.lookup import differing_settings
from porting.plans.partners.names import equally_named
from porting.plans.partners.proving import MOST_TRIED, Assignment, groups_to_prove, proven
from porting.plans.transfers import Traced
from porting.traces import LayerCall

Groups = Sequence[tuple[list[str], list[str]]]
"""Layers of both models any of which may be each other's partners."""


@dataclass(frozen=True, slots=True)
class Choice:
    """What is left open, and what is known.

    Attributes
    ----------
    graphs, colours : sequence
        Of both models.
    groups : sequence
        What is open.
    found : Mapping
        What is decided.
    named : sequence of Mapping
        Both models' layers by their names.
    fit : callable
    traced : Traced
    """

    graphs: Sequence[Graph]
    colours: Sequence[Colours]
    groups: Groups
    found: Assignment
    named: Sequence[Mapping[str, LayerCall]]
    fit: Fit
    traced: Traced

    def with_partners(self, decided: Assignment) -> list[Colours]:
        """The colours that follow if some layers are partners."""
        return refined(self.graphs, _told_apart(self.colours, decided))


def decided(choice: Choice) -> tuple[Assignment, tuple[str, ...]]:
    """Partners by names, else by proof, else by settings; else, with lines that say so, in the order in which they ran.

    The latter only where every assignment was tried and the models part under each: then they part under the right one.
    """
    if found := by_names(choice):
        return found, ()
    by_proof, in_order = _by_proof(choice)
    if found := by_proof or by_settings(choice):
        return found, ()
    return in_order, tuple(_told(in_order))


def by_names(choice: Choice) -> Assignment:
    """Equally named layers, but for those whose names contradict others' by what reaches what."""
    held = [found for group in choice.groups if (found := _named_alike(group, choice))]
    together = {left: right for found in held for left, right in found.items()}
    if not together or are_alike(choice.with_partners(together)):
        return together
    follows = [choice.with_partners(found) for found in held]
    kept = {
        left: right
        for number, found in enumerate(held)
        for left, right in found.items()
        if are_alike(follows[number])
        and all(ours[left] == theirs[right] for ours, theirs in follows)
        and all(follows[number][0][a] == follows[number][1][b] for a, b in together.items())
    }
    return kept if kept and are_alike(choice.with_partners(kept)) else {}


def _named_alike(group: tuple[list[str], list[str]], choice: Choice) -> Assignment:
    ours, theirs = ([side[name] for name in names] for side, names in zip(choice.named, group, strict=True))
    return {left.name: right.name for left, right in equally_named(ours, theirs) if choice.fit(left, right)}


def _by_proof(choice: Choice) -> tuple[Assignment, Assignment]:
    """What a proof decides; and where it shows that nothing is right, the first assignment."""
    traced = choice.traced
    if traced.teach is None:
        return {}, {}
    return proven(groups_to_prove(choice.groups, choice.graphs[0]), dict(choice.found), traced, traced.teach)


def by_settings(choice: Choice) -> Assignment:
    """Layers paired so that fewer settings differ than in any other way: the two directions of a recurrence."""
    found: Assignment = {}
    for ours, theirs in choice.groups:
        counts = {
            (left, right): differing_settings(choice.named[0][left], choice.named[1][right], choice.traced)
            for left in ours
            for right in theirs
        }
        orders = [dict(zip(ours, order, strict=True)) for order in islice(permutations(theirs), MOST_TRIED)]
        totals = [sum(counts[pair] for pair in order.items()) for order in orders]
        if totals.count(min(totals)) == 1 and len(orders) < MOST_TRIED + (len(ours) <= 4):
            found |= orders[totals.index(min(totals))]
    return found


def _told(in_order: Assignment) -> Iterator[str]:
    if in_order:
        partners = ", ".join(f'"{left}": "{right}"' for left, right in in_order.items())
        yield f"nothing decides these partners, under none the models agree behind them: matches={{{partners}}}"


def _told_apart(colours: Sequence[Colours], partners: Assignment) -> list[Colours]:
    """The same colours, and one of its own for each pair of partners."""
    first = 1 + max(colour for side in colours for colour in side.values())
    ours, theirs = (dict(side) for side in colours)
    for number, (left, right) in enumerate(partners.items(), start=first):
        ours[left] = theirs[right] = number
    return [ours, theirs]
