"""Derive the transfer plan from two traces: layers pair in the order they ran, the table says how tensors move."""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from itertools import zip_longest

from porting import patterns, settings
from porting.errors import AxisSizeError, CoverageError, LayerCountError, MissingRuleError, PairError
from porting.plan import LayerPair, Transfer, TransferPlan
from porting.rules import LayerRule, find_rule
from porting.traces import LayerCall, Trace


def derive_plan(
    reference: Trace,
    port: Trace,
    rules: tuple[LayerRule, ...] = (),
    matches: Mapping[str, str] | None = None,
    axes: Mapping[str, str] | None = None,
) -> TransferPlan:
    """Pair the layers of two models in the order they ran, and say how each tensor moves.

    Parameters
    ----------
    reference, port : Trace
        Both models' runs on the same probe.
    rules : tuple of LayerRule
        Rows that come before those of the table.
    matches : Mapping, optional
        Reference layer -> port layer, for layers that do not pair by order.
    axes : Mapping, optional
        Reference tensor -> axis pattern, for tensors that the row has no pattern for.

    Returns
    -------
    TransferPlan
        One transfer per tensor. Covers every tensor of both models or is not returned.

    Raises
    ------
    LayerCountError
        If the models ran different numbers of layers with weights.
    MissingRuleError
        If the table has no row for a pair of layers.
    AxisSizeError
        If a named axis has different lengths on the two sides.
    CoverageError
        If a tensor of either model has no counterpart.
    PairError
        If `matches` or `axes` names a layer or tensor that is not there.
    """
    layers = _pair_layers(reference, port, matches or {})
    ruled = _look_up(layers, rules)
    unknown = set(axes or {}) - set(reference.shapes)
    if unknown:
        raise PairError(f"axes names tensors that the reference does not have: {_listed(unknown)}")
    pairs = tuple(
        LayerPair(ours.name, theirs.name, rule, tuple(_transfers(ours, theirs, rule, reference, port, axes or {})))
        for ours, theirs, rule in ruled
    )
    _check_sizes(pairs)
    without_twin = tuple(
        name for ours, _, rule in ruled for word, name in ours.weights.items() if word in rule.without_twin
    )
    plan = TransferPlan(
        pairs,
        without_twin,
        tuple(
            f"{theirs.name}: {difference}"
            for ours, theirs, rule in ruled
            for difference in settings.disagreements(rule.settings, ours, theirs)
        ),
        tuple(
            f"{theirs.name}: {name}"
            for ours, theirs, rule in ruled
            for name in settings.undeclared(rule.settings, ours, theirs)
        ),
    )
    _check_coverage(plan, reference, port)
    return plan


def _pair_layers(reference: Trace, port: Trace, matches: Mapping[str, str]) -> list[tuple[LayerCall, LayerCall]]:
    ours, theirs = reference.layers(), port.layers()
    named = {layer.name: layer for layer in theirs}
    unknown = [*(set(matches) - {layer.name for layer in ours}), *(set(matches.values()) - set(named))]
    if unknown:
        raise PairError(f"matches names layers that did not run: {_listed(unknown)}")
    in_order = iter([layer for layer in theirs if layer.name not in set(matches.values())])
    if len(ours) != len(theirs):
        raise LayerCountError(_count_message(ours, theirs))
    return [(layer, named[matches[layer.name]] if layer.name in matches else next(in_order)) for layer in ours]


def _count_message(ours: Sequence[LayerCall], theirs: Sequence[LayerCall]) -> str:
    lines = [f"The reference ran {len(ours)} layers with weights, the port {len(theirs)}."]
    for number, (left, right) in enumerate(zip_longest(ours, theirs), start=1):
        left_text = f"{left.name} ({left.kind})" if left else "nothing"
        right_text = f"{right.name} ({right.kind})" if right else "nothing"
        lines.append(f"  {number:>3}  torch {left_text:<40} keras {right_text}")
    lines.append("Look where the two columns part: a layer is missing, or one too many.")
    return "\n".join(lines)


def _look_up(
    layers: list[tuple[LayerCall, LayerCall]], rules: tuple[LayerRule, ...]
) -> list[tuple[LayerCall, LayerCall, LayerRule]]:
    found = [(ours, theirs, find_rule(ours.kind, theirs.kind, rules)) for ours, theirs in layers]
    missing = [
        f"  {ours.name} ({ours.kind}) -> {theirs.name} ({theirs.kind})" for ours, theirs, rule in found if not rule
    ]
    if missing:
        raise MissingRuleError(
            "\n".join([f"No rule for {len(missing)} pairs of layers, paired in the order they ran:", *missing])
            + "\nIf the order is wrong, give the pair matches={torch layer: Keras layer}; "
            "if the layer types are right, give it rules=(LayerRule(...),)."
        )
    return [(ours, theirs, rule) for ours, theirs, rule in found if rule]


def _transfers(
    ours: LayerCall, theirs: LayerCall, rule: LayerRule, reference: Trace, port: Trace, axes: Mapping[str, str]
) -> Iterator[Transfer]:
    """Transfers of the tensors that both layers have; coverage finds the others."""
    for word, (port_word, row_patterns) in rule.tensors.items():
        if word in ours.weights and port_word in theirs.weights:
            name, variable = ours.weights[word], theirs.weights[port_word]
            shapes = reference.shapes[name], port.shapes[variable]
            candidates = (axes[name],) if name in axes else row_patterns
            yield Transfer(name, variable, _fitting(candidates, name, variable, *shapes), *shapes)


def _fitting(
    candidates: Sequence[str], name: str, variable: str, shape: tuple[int, ...], port_shape: tuple[int, ...]
) -> str:
    for pattern in candidates:
        if patterns.ranks(pattern) == (len(shape), len(port_shape)):
            return pattern
    raise AxisSizeError(
        f"{name} does not fit {variable}.\n"
        f"  torch   shape {shape}\n"
        f"  keras   shape {port_shape}\n"
        f"No pattern for {len(shape)} and {len(port_shape)} axes ({'; '.join(candidates)}). "
        f'Name them: axes={{"{name}": "... -> ..."}}.'
    )


def _check_sizes(pairs: Sequence[LayerPair]) -> None:
    findings = []
    for pair in pairs:
        for transfer in pair.transfers:
            differing = patterns.differing_axes(transfer.pattern, transfer.reference_shape, transfer.port_shape)
            if differing:
                ours, theirs = transfer.sizes()
                findings.append(
                    f"{transfer.reference} does not fit {transfer.port}.\n  torch   {ours}\n  keras   {theirs}\n"
                    f"  {_listed(differing)} differs. Check the layer {pair.port}, or pair {pair.reference} with "
                    "another one: matches={...}."
                )
    if findings:
        raise AxisSizeError("\n".join(findings))


def _check_coverage(plan: TransferPlan, reference: Trace, port: Trace) -> None:
    """Every tensor of both models moves exactly once, or has no twin by its rule."""
    moved = Counter([transfer.reference for transfer in plan.transfers] + list(plan.without_twin))
    filled = Counter(transfer.port for transfer in plan.transfers)
    findings = [
        *(f"  torch   {name} {shape} would stay behind" for name, shape in reference.shapes.items() if not moved[name]),
        *(f"  keras   {name} {shape} would get no values" for name, shape in port.shapes.items() if not filled[name]),
        *(f"  torch   {name} would move {count} times" for name, count in moved.items() if count > 1),
        *(f"  keras   {name} would be filled {count} times" for name, count in filled.items() if count > 1),
    ]
    if findings:
        raise CoverageError(
            "\n".join([f"The plan does not cover {len(findings)} tensors.", *findings])
            + "\nA bias or a scale on one side only, or a layer that did not run on the probe."
        )


def _listed(names) -> str:
    return ", ".join(sorted(map(str, names)))
