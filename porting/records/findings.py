"""Divergences as people read them: one finding a fault, however many places it shows in; the strongest first."""

import math
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace

from porting.plans.plan import TransferPlan
from porting.records.parity import Cause, Divergence, describe_divergence

_MOST_REMEDIES = 3
_NAMED_PLACES = 12
"""How many of a finding's places a line names."""


@dataclass(frozen=True, slots=True)
class Finding:
    """One fault, and where it shows.

    Attributes
    ----------
    causes : tuple of Cause
        As of a divergence; one alone where it is the same in several places.
    places : tuple of Divergence
        In execution order.
    """

    causes: tuple[Cause, ...]
    places: tuple[Divergence, ...]

    @property
    def strongest(self) -> Divergence:
        """The place with the greatest error, of those that the cause was found for."""
        named = [place for place in self.places if place.causes]
        return max(named or self.places, key=lambda divergence: divergence.error)

    @property
    def others(self) -> tuple[Divergence, ...]:
        """All places but the strongest."""
        return tuple(place for place in self.places if place is not self.strongest)

    def describe(self) -> str:
        """Where it is, in a line."""
        alike = f"; the same at {len(self.others)} other place{'s' * (len(self.others) > 1)}" if self.others else ""
        return describe_divergence(self.strongest) + alike

    def describe_others(self) -> str:
        """The other places with their errors; of many the first."""
        named = [
            f"{'inside' if place.where == 'inside' else 'before'} {place.reference} ({place.error:.1e})"
            for place in self.others[:_NAMED_PLACES]
        ]
        more = len(self.others) - len(named)
        return ", ".join(named) + (f" and {more} more" if more else "")


def find_faults(divergences: Sequence[Divergence]) -> tuple[Finding, ...]:
    """Put divergences of one cause together, the strongest finding first.

    One cause is the same name with the same detail: a setting that differs alike. Where several causes explain a place,
    the one that explains most places is it.
    """
    left, findings = list(divergences), []
    while key := _commonest(left):
        places = [held for held in left if key in _keys(held)]
        cause = next(cause for cause in places[0].causes if _key(cause) == key)
        worst = max(places, key=lambda held: held.error)
        told = (other for held in (worst, *places) for other in held.causes if _key(other) == key)
        remedies = dict.fromkeys(other.remedy for other in told)
        findings.append(
            Finding((replace(cause, remedy=_joined_remedies(list(remedies)), error=_left(worst, key)),), tuple(places))
        )
        left = [held for held in left if key not in _keys(held)]
    findings += [Finding(held.causes, (held,)) for held in left]
    findings = list(_of_one_layer(findings))
    order = {id(held): number for number, held in enumerate(divergences)}
    return tuple(sorted(findings, key=lambda found: (_weakness(found), order.get(id(found.places[0]), 0))))


def _of_one_layer(findings: Sequence[Finding]) -> Iterator[Finding]:
    """Findings, with calls of a layer that nothing explains beside the one that is explained, or the first.

    What a cell hands on to itself is wrong from the call behind the first one that differs.
    """
    unnamed = [found for found in findings if not found.causes and found.strongest.where == "inside"]
    by_layer: dict[str, list[Finding]] = {}
    for found in unnamed:
        by_layer.setdefault(_layer(found.strongest), []).append(found)
    named = {_layer(place) for found in findings for place in found.places if found.causes and place.where == "inside"}
    for found in findings:
        layers = {_layer(place): None for place in found.places if place.where == "inside"}
        if found.causes:
            further = [place for layer in layers for other in by_layer.pop(layer, ()) for place in other.places]
            yield replace(found, places=(*found.places, *further))
        elif found not in unnamed:
            yield found
        elif _layer(found.strongest) not in named and (alike := by_layer.pop(_layer(found.strongest), [])):
            yield replace(found, places=tuple(place for other in alike for place in other.places))


def _layer(divergence: Divergence) -> str:
    return divergence.reference.partition(" (call ")[0]


def kind_of(name: str, detail: str) -> tuple[str, str]:
    """What a cause is wherever it stands: blocks.2.norm and blocks.7.norm are one, epsilons are not."""
    return name, _NAMES.sub(lambda found: re.sub(r"\d+", "#", found.group()), detail)


_NAMES = re.compile(r"\b[A-Za-z_][\w.]*")


def _joined_remedies(remedies: Sequence[str]) -> str:
    """Each one, or of many the first."""
    return (
        "; ".join(remedies) if len(remedies) <= _MOST_REMEDIES else f"{remedies[0]}, and likewise in the other places"
    )


def _key(cause: Cause) -> tuple[str, str]:
    return kind_of(cause.name, cause.detail)


def _keys(divergence: Divergence) -> dict[tuple[str, str], None]:
    """In the order of the causes, so that ties are always decided alike."""
    return dict.fromkeys(map(_key, divergence.causes))


def _left(divergence: Divergence, key: tuple[str, str]) -> float | None:
    return next(cause.error for cause in divergence.causes if _key(cause) == key)


def _commonest(divergences: Sequence[Divergence]) -> tuple[str, str] | None:
    """The cause of most places, if it is the cause of several."""
    counts: dict[tuple[str, str], int] = {}
    for held in divergences:
        for key in _keys(held):
            counts[key] = counts.get(key, 0) + 1
    key = max(counts, key=lambda key: counts[key], default=None)
    return key if key and counts[key] > 1 else None


def _weakness(finding: Finding) -> int:
    """Errors of one order of magnitude are alike: the earlier stands first."""
    error = finding.strongest.error
    return -400 if not math.isfinite(error) else -math.floor(math.log10(error)) if error > 0 else 400


def in_order(divergences: Sequence[Divergence]) -> tuple[Divergence, ...]:
    """Divergences by their findings: the strongest first, and those of one fault together."""
    return tuple(held for finding in find_faults(divergences) for held in finding.places)


def with_settings(divergences: Iterable[Divergence], plan: TransferPlan) -> Iterator[Divergence]:
    """Where no hypothesis explains a divergence of a layer whose settings differ, those are its cause.

    What differs before a layer can be its own padding, and no other setting.
    """
    for held in divergences:
        layer = held.port.partition(" (call ")[0]
        differing = [
            finding
            for finding in plan.settings
            if finding.layer == layer
            and finding.status == "differs"
            and not finding.in_training
            and (held.where == "inside" or "padding" in finding.setting)
        ]
        if held.causes or not differing:
            yield held
            continue
        causes = [
            Cause("another setting", found.why, f"give {layer} the reference's setting", None) for found in differing
        ]
        yield replace(held, causes=tuple(causes[:1]) if len(causes) == 1 else (_joined(causes),))


def _joined(causes: Sequence[Cause]) -> Cause:
    """Several settings of one layer: together they may be the cause, and no one of them is ruled out."""
    return replace(causes[0], name="other settings", detail="; ".join(cause.detail for cause in causes))
