"""Pair layers by names, and by the order in which they ran, where two models do not reach each other's alike."""

from collections.abc import Callable, Mapping, Sequence

from porting.plans.flow import layer_sources
from porting.plans.partners.names import equally_named
from porting.plans.transfers import Traced
from porting.traces import LayerCall

Fit = Callable[[LayerCall, LayerCall], bool]


def by_names_and_order(
    ours: Sequence[LayerCall], theirs: Sequence[LayerCall], matches: Mapping[str, str], fit: Fit, traced: Traced
) -> dict[str, str]:
    """The pair's matches, then equal names where sources are known, then the order in which the layers ran."""
    plain = _in_order(ours, theirs, matches)
    if not (traced.reference.sources and traced.port.sources):
        return plain
    left, right = _left(ours, theirs, matches)
    by_name = {a.name: b.name for a, b in equally_named(left, right) if fit(a, b)}
    tries = (
        _in_order(ours, theirs, {**matches, **by_name}),
        plain,
        _nearest(ours, theirs, matches, fit, traced),
        _first_fitting(ours, theirs, {**matches, **by_name}, fit),
    )
    return next((found for found in tries if found and _all_fit(found, ours, theirs, fit)), plain)


def _nearest(
    ours: Sequence[LayerCall], theirs: Sequence[LayerCall], matches: Mapping[str, str], fit: Fit, traced: Traced
) -> dict[str, str] | None:
    """For each layer the first one that fits and that the partners of its sources reach."""
    behind = layer_sources(traced.reference), layer_sources(traced.port)

    def is_reached_alike(layer: LayerCall, other: LayerCall, found: Mapping[str, str]) -> bool:
        return behind[1][other.name] == {found.get(name, name) for name in behind[0][layer.name]}

    return _first_fitting(ours, theirs, matches, fit, is_reached_alike)


def _first_fitting(
    ours: Sequence[LayerCall],
    theirs: Sequence[LayerCall],
    found: Mapping[str, str],
    fit: Fit,
    is_wanted: Callable[[LayerCall, LayerCall, Mapping[str, str]], bool] = lambda layer, other, found: True,
) -> dict[str, str] | None:
    """For each layer the first one that fits: layers of one kind in their order, though norms lie before or behind.

    `is_wanted` says of two layers whether they may be partners, by those that have been found so far.
    """
    paired, (left, free) = dict(found), _left(ours, theirs, found)
    for layer in left:
        partner = next((other for other in free if is_wanted(layer, other, paired) and fit(layer, other)), None)
        if partner is None:
            return None
        free.remove(partner)
        paired[layer.name] = partner.name
    return paired


def _left(
    ours: Sequence[LayerCall], theirs: Sequence[LayerCall], found: Mapping[str, str]
) -> tuple[list[LayerCall], list[LayerCall]]:
    taken = set(found.values())
    return [layer for layer in ours if layer.name not in found], [layer for layer in theirs if layer.name not in taken]


def _in_order(ours: Sequence[LayerCall], theirs: Sequence[LayerCall], found: Mapping[str, str]) -> dict[str, str]:
    left, right = _left(ours, theirs, found)
    return {**found, **{a.name: b.name for a, b in zip(left, right, strict=True)}}


def _all_fit(found: Mapping[str, str], ours: Sequence[LayerCall], theirs: Sequence[LayerCall], fit: Fit) -> bool:
    named = {layer.name: layer for layer in theirs}
    return all(fit(layer, named[found[layer.name]]) for layer in ours)
