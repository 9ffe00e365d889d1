"""Derive the transfer plan from two traces: layers pair in the order they ran, the table says how tensors move."""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from itertools import zip_longest

from porting.errors import AxisSizeError, CoverageError, LayerCountError, MissingRuleError, PairError
from porting.plans.flow import pair_by_flow
from porting.plans.plan import LayerPair, Transfer, TransferPlan
from porting.rules import patterns, settings
from porting.rules.rule import LayerRule
from porting.rules.table import find_rule, rows_of
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
        If `matches` or `axes` names a layer or tensor that is not there, or a layer of the reference has a setting
        without which nothing can be compared.
    """
    layers = _pair_layers(reference, port, matches or {}, rules)
    ruled = _look_up(layers, rules)
    findings = tuple(finding for ours, theirs, rule in ruled for finding in settings.audit(rule.settings, ours, theirs))
    _check_refused(findings)
    _check_axes(axes or {}, reference, ruled)
    pairs = tuple(_layer_pair(ours, theirs, rule, reference, port, axes or {}) for ours, theirs, rule in ruled)
    _check_sizes(pairs, ruled, _proposal(ruled, reference, port, rules))
    without_twin = tuple(
        name for ours, _, rule in ruled for word, name in ours.weights.items() if word in rule.without_twin
    )
    plan = TransferPlan(pairs, without_twin, findings, reference.aliases)
    _check_coverage(plan, reference, port)
    return plan


def _check_refused(findings: Sequence[settings.Finding]) -> None:
    refused = [finding.why for finding in findings if finding.status == "refused"]
    if refused:
        raise PairError("The reference has settings with which nothing can be compared:\n  " + "\n  ".join(refused))


def _check_axes(
    axes: Mapping[str, str], reference: Trace, ruled: Sequence[tuple[LayerCall, LayerCall, LayerRule]]
) -> None:
    """Each pattern belongs to a tensor that is there; where several are one variable, to the first of them."""
    if unknown := set(axes) - set(reference.shapes):
        raise PairError(f"axes names tensors that the reference does not have: {_listed(unknown)}")
    stacks = [
        [ours.weights.get(word, "") for word in words.split()] for ours, _, rule in ruled for words in rule.tensors
    ]
    if further := {name: first for first, *others in stacks for name in others if name in axes}:
        lines = (f"  {name} is stacked on {first}" for name, first in further.items())
        raise PairError(
            "axes names tensors that are one Keras variable with another.\n"
            + "\n".join(lines)
            + f'\nGive the pattern of the stack to the first one alone: axes={{"{next(iter(further.values()))}": ...}}.'
        )


def _pair_layers(
    reference: Trace, port: Trace, matches: Mapping[str, str], rules: tuple[LayerRule, ...]
) -> list[tuple[LayerCall, LayerCall]]:
    """In the order they ran; where that does not fit, in the order in which their outputs reach each other."""
    ours, theirs = reference.layers(), port.layers()
    if len(ours) > len(theirs):
        ours = [layer for layer in ours if not _is_tied(layer, reference)]
    named = {layer.name: layer for layer in theirs}
    unknown = [*(set(matches) - {layer.name for layer in ours}), *(set(matches.values()) - set(named))]
    if unknown:
        raise PairError(f"matches names layers that did not run: {_listed(unknown)}")
    in_order = iter([layer for layer in theirs if layer.name not in set(matches.values())])
    if len(ours) != len(theirs):
        raise LayerCountError(_count_message(ours, theirs, rules))
    pairs = [(layer, named[matches[layer.name]] if layer.name in matches else next(in_order)) for layer in ours]
    if all(_fits(*pair, reference, port, rules) for pair in pairs):
        return pairs
    return pair_by_flow(reference, port, matches, lambda a, b: _fits(a, b, reference, port, rules)) or pairs


def _is_tied(layer: LayerCall, trace: Trace) -> bool:
    """Whether all tensors of a layer are another layer's, so that the port may use them in a function."""
    return all(name in trace.aliases for name in layer.weights.values())


def _fits(ours: LayerCall, theirs: LayerCall, reference: Trace, port: Trace, rules: tuple[LayerRule, ...]) -> bool:
    """Whether there is a rule for two layers, and no axis that it names differs in length."""
    rule = find_rule(ours.kind, theirs.kind, rules)
    if rule is None:
        return False
    try:
        transfers = list(_transfers(ours, theirs, rule, reference, port, {}))
    except AxisSizeError:
        return True  # axes of the pair's own may settle it
    return not any(patterns.differing_axes(t.pattern, t.reference_shape, t.port_shape) for t in transfers)


def _count_message(ours: Sequence[LayerCall], theirs: Sequence[LayerCall], rules: tuple[LayerRule, ...]) -> str:
    lines = [f"The reference ran {len(ours)} layers with weights, the port {len(theirs)}."]
    for number, (left, right) in enumerate(zip_longest(ours, theirs), start=1):
        left_text = f"{left.name} ({left.kind})" if left else "nothing"
        right_text = f"{right.name} ({right.kind})" if right else "nothing"
        lines.append(f"  {number:>3}  torch {left_text:<40} keras {right_text}")
    remedy = "Look where the two columns part: a layer is missing, or one too many."
    return "\n".join([*lines, *_limits(ours, rules), remedy])


def _limits(layers: Sequence[LayerCall], rules: tuple[LayerRule, ...]) -> Iterator[str]:
    """What layers of the reference have that no row for their type can express, as it may be why nothing fits."""
    for layer in layers:
        found = [list(settings.limits(row.settings, layer)) for row in rows_of(layer.kind, rules)]
        if all(found):
            yield from (f"  {layer.name}: {finding.why}" for limits in found[:1] for finding in limits)


def _differences(ours: LayerCall, theirs: LayerCall, rule: LayerRule) -> list[str]:
    """Settings that differ, as they may be why a tensor does not fit."""
    findings = settings.audit(rule.settings, ours, theirs)
    return _as_lines(settings.described(findings, "differs", in_training=False))


def _as_lines(differences: Sequence[str]) -> list[str]:
    return [f"  setting differs: {difference}" for difference in differences]


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


def _layer_pair(
    ours: LayerCall, theirs: LayerCall, rule: LayerRule, reference: Trace, port: Trace, axes: Mapping[str, str]
) -> LayerPair:
    transfers = tuple(_transfers(ours, theirs, rule, reference, port, axes))
    moved = {transfer.references[0] for transfer in transfers}
    firsts = {words: ours.weights.get(words.split()[0], "") for words in rule.tensors}
    own_axes = [
        (by_rule, axes[firsts[words]])
        for words, (_, row_patterns) in rule.tensors.items()
        for by_rule in row_patterns
        if firsts[words] in moved.intersection(axes)
    ]
    input_axes, output_axes = (
        _refined(pattern, own_axes) for pattern in (rule.activation, rule.output or rule.activation)
    )
    return LayerPair(ours.name, theirs.name, rule, transfers, input_axes, output_axes)


def _refined(activation: str, own_axes: Sequence[tuple[str, str]]) -> str:
    """An activation's pattern where a tensor's own axes split or reorder one that the rule names.

    ``unit (channel=8 point=4) -> (point channel) unit`` for ``unit feature -> feature unit`` makes of ``feature ->
    feature``: ``(channel=8 point=4) -> (point channel)``.
    """
    sides = patterns.words(activation)
    for by_rule, own in own_axes:
        for names, replacements, side in zip(patterns.words(by_rule), patterns.words(own), sides, strict=True):
            if len(names) == len(replacements):
                written = dict(zip(names, replacements, strict=True))
                merged = {name: text for name, text in written.items() if "(" in text and "(" not in name}
                side[:] = [merged.get(word, word) for word in side]
    return " -> ".join(" ".join(side) for side in sides)


def _transfers(
    ours: LayerCall, theirs: LayerCall, rule: LayerRule, reference: Trace, port: Trace, axes: Mapping[str, str]
) -> Iterator[Transfer]:
    """Transfers of the tensors that both layers have; coverage finds the others."""
    for words, (port_word, row_patterns) in rule.tensors.items():
        if ours.weights.keys() >= set(words.split()) and port_word in theirs.weights:
            names, variable = [ours.weights[word] for word in words.split()], theirs.weights[port_word]
            stack = (len(names),) if len(names) > 1 else ()
            shapes = (*stack, *reference.shapes[names[0]]), port.shapes[variable]
            candidates = (axes[names[0]],) if names[0] in axes else row_patterns
            pattern = next((tried for tried in candidates if patterns.ranks(tried) == tuple(map(len, shapes))), None)
            if pattern is None:
                raise AxisSizeError(_misfit(names, variable, shapes, candidates, _differences(ours, theirs, rule)))
            yield Transfer(tuple(names), variable, pattern, *shapes)


def _misfit(
    names: Sequence[str],
    variable: str,
    shapes: tuple[tuple[int, ...], tuple[int, ...]],
    candidates: Sequence[str],
    differences: Sequence[str],
) -> str:
    shape, port_shape = shapes
    lines = [
        f"{', '.join(names)} does not fit {variable}.",
        f"  torch   shape {shape}",
        f"  keras   shape {port_shape}",
        f"  no pattern for {len(shape)} and {len(port_shape)} axes ({'; '.join(candidates)})",
        *differences,
        f'Name the axes: axes={{"{names[0]}": "... -> ..."}}.',
    ]
    return "\n".join(lines)


def _check_sizes(
    pairs: Sequence[LayerPair], ruled: Sequence[tuple[LayerCall, LayerCall, LayerRule]], proposal: str
) -> None:
    findings = []
    for pair, layers in zip(pairs, ruled, strict=True):
        if misfits := [line for transfer in pair.transfers for line in _differing_sizes(transfer)]:
            remedy = f"Check the layer {pair.port}, or pair {pair.reference} with another one: {proposal}."
            findings += [*misfits, *_differences(*layers), remedy]
    if findings:
        raise AxisSizeError("\n".join(findings))


def _differing_sizes(transfer: Transfer) -> Iterator[str]:
    differing = patterns.differing_axes(transfer.pattern, transfer.reference_shape, transfer.port_shape)
    if differing:
        ours, theirs = transfer.sizes()
        yield f"{transfer.reference} does not fit {transfer.port}."
        yield from (f"  torch   {ours}", f"  keras   {theirs}", f"  {_listed(differing)} differs")


def _proposal(
    ruled: Sequence[tuple[LayerCall, LayerCall, LayerRule]], reference: Trace, port: Trace, rules: tuple[LayerRule, ...]
) -> str:
    """The line that would pair each layer that does not fit with one that does, where there is one."""
    wrong = [(ours, theirs) for ours, theirs, _ in ruled if not _fits(ours, theirs, reference, port, rules)]
    free, lines = [theirs for _, theirs in wrong], []
    for ours, _ in wrong:
        if partner := next((layer for layer in free if _fits(ours, layer, reference, port, rules)), None):
            free.remove(partner)
            lines.append(f'"{ours.name}": "{partner.name}"')
    return f"matches={{{', '.join(lines) or '...'}}}"


def _check_coverage(plan: TransferPlan, reference: Trace, port: Trace) -> None:
    """Every tensor of both models moves exactly once, or has no twin by its rule."""
    moved = Counter([*plan.tensors, *plan.without_twin])
    filled = Counter(transfer.port for transfer in plan.transfers)
    findings = [
        *(
            f"  torch   {name} {shape} would stay behind"
            for name, shape in reference.shapes.items()
            if not moved[name] and not moved[reference.aliases.get(name, name)]
        ),
        *(f"  keras   {name} {shape} would get no values" for name, shape in port.shapes.items() if not filled[name]),
        *(f"  torch   {name} would move {count} times" for name, count in moved.items() if count > 1),
        *(f"  keras   {name} would be filled {count} times" for name, count in filled.items() if count > 1),
    ]
    if findings:
        raise CoverageError(
            "\n".join(
                [
                    f"The plan does not cover {len(findings)} tensors.",
                    *findings,
                    *_as_lines(plan.setting_differences),
                    "Look for a bias or a scale on one side only, or a layer that did not run on the probe.",
                ]
            )
        )


def _listed(names) -> str:
    return ", ".join(sorted(map(str, names)))
