"""Pair the layers of two models: by types and sizes, by what reaches what, by names, by proof, and by settings."""

from collections.abc import Iterator, Mapping, Sequence

from porting.errors import LayerCountError, PairError
from porting.plans.flow import layer_sources, output_sources
from porting.plans.joining import found_joins
from porting.plans.partners.by_order import Fit, by_names_and_order
from porting.plans.partners.colours import Graph, are_alike, groups_of, refined
from porting.plans.partners.deciding import Choice, decided
from porting.plans.partners.heads import is_tied, standing_in
from porting.plans.partners.lookup import count_message, fits
from porting.plans.partners.names import equally_named
from porting.plans.partners.opened import found_opens
from porting.plans.splits import found_splits
from porting.plans.transfers import Traced, listed
from porting.traces import PARAMETER, LayerCall, Trace
from porting.wording import counted

Pairs = list[tuple[LayerCall, LayerCall]]


def pair_layers(traced: Traced) -> tuple[Pairs, tuple[str, ...]]:
    """Pair each layer of the reference with one of the port, in the reference's execution order; what is to be told.

    What reaches what decides, then equal names, then a proof, then settings. Where the sources of either trace are
    unknown, or the two models' layers do not reach each other alike, equal names and the order in which the layers ran
    do.

    Raises
    ------
    LayerCountError
        If the models ran different numbers of layers with weights.
    PairError
        If the pair's `matches` name a layer that did not run, or layers remain between which nothing decides.
    """
    fit = _remembered_fits(traced)
    every, candidates = _layers(traced, fit)
    beside = _shared_pairs(every, candidates, traced, fit)
    _check_matches(traced.pair.matches, every, candidates)
    _check_read(traced, beside)
    ours, theirs = (
        [layer for layer in layers if layer.name not in taken]
        for layers, taken in ((every, beside.keys()), (candidates, beside.values()))
    )
    lone = [layer for layer in ours if not any(fit(layer, other) for other in theirs)]
    opens = found_opens(ours, theirs, fit, traced) if lone or len(ours) < len(theirs) else ()
    if len(ours) != len(theirs) or opens:
        raise LayerCountError(
            count_message(ours, theirs, traced.pair.rules, fit, opens),
            found_splits(ours, theirs) or found_splits(_untied(ours, traced.reference), theirs),
            found_joins(ours, theirs),
            opens,
        )
    matches = {name: partner for name, partner in traced.pair.matches.items() if name not in beside}
    found, told = _by_flow(ours, theirs, matches, fit, traced) or (
        by_names_and_order(ours, theirs, matches, fit, traced),
        (),
    )
    named = {layer.name: layer for layer in (*traced.port.shared, *traced.port.layers())}
    both = {**found, **beside}
    called = {layer.name for layer in every}  # by the name of a layer a function may go that shares its tensor
    uses = (layer for layer in traced.reference.shared if layer.name not in called)
    return [(layer, named[both[layer.name]]) for layer in (*every, *uses) if layer.name in both], told


def _layers(traced: Traced, fit: Fit) -> tuple[list[LayerCall], list[LayerCall]]:
    """Both models' layers; without the reference's whose tensors are all others', if it has more or no partner fits."""
    theirs = [*traced.port.layers(), *traced.port.shared]
    ours = standing_in(traced.reference, lambda layer: any(fit(layer, other) for other in theirs))
    has_more, tied = len(ours) > len(theirs), [layer for layer in ours if is_tied(layer, traced.reference)]
    left_out = {layer.name for layer in tied if has_more or not any(fit(layer, other) for other in theirs)}
    return [layer for layer in ours if layer.name not in left_out], theirs


def _untied(layers: Sequence[LayerCall], trace: Trace) -> list[LayerCall]:
    return [layer for layer in layers if not is_tied(layer, trace)]


def _shared_pairs(ours: Sequence[LayerCall], theirs: Sequence[LayerCall], traced: Traced, fit: Fit) -> dict[str, str]:
    """Pairs of which one side is no call: a layer whose variables functions read, or a tensor that functions share.

    Of the reference's own such uses only as many as the port has layers more; their tensors move by another pair, or
    need not.
    """
    read, further = [call for call in traced.port.shared if call.kind != PARAMETER], len(theirs) - len(ours)
    shared = list({layer.name: layer for layer in traced.reference.shared}.values()) if further > 0 else []
    found: dict[str, str] = {}
    for left, right in (*_likely(ours, theirs, fit), *_likely(shared, theirs, fit)):
        is_use = left in shared
        if right.name in found.values() or (not further if is_use else right not in read):
            continue
        found[left.name] = right.name
        further -= is_use
    return found


def _check_read(traced: Traced, beside: Mapping[str, str]) -> None:
    """A variable that nothing reads can only hold a tensor that the reference does not use either."""
    holding = {beside[call.name] for call in traced.reference.shared if call.name in beside}
    idle = [call.name for call in traced.port.shared if call.kind == PARAMETER and call.name not in holding]
    if idle:
        raise PairError(
            f"{counted(len(idle), 'variable')} of the port that nothing read: {listed(idle)}.\n"
            "Run what uses them on the probe, or remove them if nothing does."
        )


def _likely(ours: Sequence[LayerCall], theirs: Sequence[LayerCall], fit: Fit) -> Iterator[tuple[LayerCall, LayerCall]]:
    """Layers that fit and have equal names, then those that fit only each other."""
    named = [(left, right) for left, right in equally_named(ours, theirs) if fit(left, right)]
    yield from named
    left_over = [layer for layer in ours if all(layer is not left for left, _ in named)]
    for left in left_over:
        fitting = [right for right in theirs if fit(left, right)]
        if len(fitting) == 1 and sum(fit(other, fitting[0]) for other in ours) == 1:
            yield left, fitting[0]


def _check_matches(matches: Mapping[str, str], ours: Sequence[LayerCall], theirs: Sequence[LayerCall]) -> None:
    names = [{layer.name for layer in layers} for layers in (ours, theirs)]
    unknown = [*(set(matches) - names[0]), *(set(matches.values()) - names[1])]
    if unknown:
        raise PairError(f"matches names layers that did not run: {listed(unknown)}")


def _by_flow(
    ours: Sequence[LayerCall], theirs: Sequence[LayerCall], matches: Mapping[str, str], fit: Fit, traced: Traced
) -> tuple[dict[str, str], tuple[str, ...]] | None:
    """The pairing by what reaches what, in both directions, and what is to be told of it.

    None where the two models are not alike in it.
    """
    if not traced.reference.sources or not traced.port.sources:
        return None
    graphs = [_graph(trace, layers) for trace, layers in ((traced.reference, ours), (traced.port, theirs))]
    colours = refined(graphs, _first_colours(ours, theirs, matches, fit))
    if not are_alike(colours):
        return None
    told: list[str] = []
    found: dict[str, str] = {}
    named = [{layer.name: layer for layer in layers} for layers in (ours, theirs)]
    while True:
        groups = [group for group in groups_of(colours) if not set(group[0]) <= found.keys()]
        found |= {left: right for (left,), (right,) in (group for group in groups if len(group[0]) == 1)}
        if not (still_open := [group for group in groups if len(group[0]) > 1]):
            fitting = all(fit(named[0][left], named[1][right]) for left, right in found.items())
            return (found, tuple(told)) if fitting else None
        choice = Choice(graphs, colours, still_open, found, named, fit, traced)
        partners, lines = decided(choice)
        colours = choice.with_partners(partners)
        if not partners or not are_alike(colours):
            raise PairError(_undecided_message(still_open))
        told += lines


def _graph(trace: Trace, layers: Sequence[LayerCall]) -> Graph:
    kept, sources = {layer.name for layer in layers}, layer_sources(trace)
    loose = frozenset(layer.name for layer in layers if layer.kind == PARAMETER or not sources[layer.name])
    return Graph(sources, output_sources(trace), loose).without(set(sources) - kept)


def _first_colours(
    ours: Sequence[LayerCall], theirs: Sequence[LayerCall], matches: Mapping[str, str], fit: Fit
) -> list[dict[str, int]]:
    """Layers that may be partners have one colour, and so have those that share one; the pair's matches their own."""
    parent: dict[tuple[int, str], tuple[int, str]] = {}

    def root(key: tuple[int, str]) -> tuple[int, str]:
        while parent.setdefault(key, key) != key:
            parent[key] = parent[parent[key]]
            key = parent[key]
        return key

    taken = set(matches.values())
    for left in ours:
        for right in theirs:
            is_match = matches.get(left.name) == right.name
            is_free = left.name not in matches and right.name not in taken
            if is_match or (is_free and root((0, left.name)) != root((1, right.name)) and fit(left, right)):
                parent[root((0, left.name))] = root((1, right.name))
    roots = [[root((side, layer.name)) for layer in layers] for side, layers in enumerate((ours, theirs))]
    numbers = {key: number for number, key in enumerate(dict.fromkeys([*roots[0], *roots[1]]))}
    return [
        {layer.name: numbers[key] for layer, key in zip(layers, keys, strict=True)}
        for layers, keys in zip((ours, theirs), roots, strict=True)
    ]


def _undecided_message(groups: Sequence[tuple[list[str], list[str]]]) -> str:
    lines = [f"  torch {', '.join(ours)}   keras {', '.join(theirs)}" for ours, theirs in groups]
    proposal = ", ".join(
        f'"{left}": "{right}"' for ours, theirs in groups for left, right in zip(ours, theirs, strict=True)
    )
    return "\n".join(
        [
            "Which of these layers are partners is not decided by their sizes, names, settings, or what reaches what:",
            *lines,
            f"Say it in the pair, in the right order: matches={{{proposal}}}.",
        ]
    )


def _remembered_fits(traced: Traced) -> Fit:
    """`fits`, asked once for layers that differ in nothing but their names."""
    known: dict[tuple[str, str], bool] = {}
    looks: dict[int, str] = {}

    def look(layer: LayerCall, trace: Trace) -> str:
        if id(layer) not in looks:
            shapes = sorted((word, trace.shapes.get(name)) for word, name in layer.weights.items())
            own = sorted((name, repr(value)) for name, value in layer.settings.items() if name != "name")
            looks[id(layer)] = repr((layer.kind, shapes, own))
        return looks[id(layer)]

    def fit(ours: LayerCall, theirs: LayerCall) -> bool:
        key = look(ours, traced.reference), look(theirs, traced.port)
        if key not in known:
            known[key] = fits(ours, theirs, traced)
        return known[key]

    return fit
