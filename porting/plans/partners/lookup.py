"""Which rows fit which layers, and what to say where none does."""

import math
from collections.abc import Callable, Iterator, Sequence

from porting.errors import AxisSizeError, MissingRuleError
from porting.plans.joining import proposed_joins
from porting.plans.partners.alignment import aligned
from porting.plans.splits import proposed_splits
from porting.plans.transfers import RuledLayers, Traced, transfers_of
from porting.rules import patterns, settings
from porting.rules.rule import LayerRule
from porting.rules.table import LAYER_RULES, rows_of, rule_for
from porting.traces import LayerCall
from porting.wording import counted


def fits(ours: LayerCall, theirs: LayerCall, traced: Traced) -> bool:
    """Whether there is a rule for two layers, and no axis that it names differs in length."""
    rule = rule_for(ours, theirs, traced.pair.rules)
    if rule is None:
        return False
    try:
        transfers = list(transfers_of(RuledLayers(ours, theirs, rule), traced, {}))
    except AxisSizeError:
        return True  # axes of the pair's own may settle it
    return not any(patterns.differing_axes(t.pattern, t.reference_shape, t.port_shape) for t in transfers)


def differing_settings(ours: LayerCall, theirs: LayerCall, traced: Traced) -> float:
    """How many settings of two layers differ; infinite where no rule is for them."""
    rule = rule_for(ours, theirs, traced.pair.rules)
    if rule is None:
        return math.inf
    return sum(held.status == "differs" for held in RuledLayers(ours, theirs, rule).audit())


def count_message(
    ours: Sequence[LayerCall],
    theirs: Sequence[LayerCall],
    rules: tuple[LayerRule, ...],
    fit: Callable[[LayerCall, LayerCall], bool],
    opens: Sequence[str] = (),
) -> str:
    """Both models' layers side by side, where there are not as many, and what may be why."""
    lines = [f"The reference ran {counted(len(ours), 'layer')} with weights, the port {len(theirs)}."]
    sides = aligned(ours, theirs, fit)
    for number, (left, right) in enumerate(sides, start=1):
        left_text = f"{left.name} ({left.kind})" if left else "nothing"
        right_text = f"{right.name} ({right.kind})" if right else "nothing"
        lines.append(f"  {number:>3}  torch {left_text:<40} keras {right_text}")
    remedy = "Look where a column has nothing: a layer is missing there, or the other side has one too many."
    proposal = proposed_splits(ours, theirs) if len(ours) < len(theirs) else proposed_joins(ours, theirs)
    if opens:
        proposal = f"Or the port has variables where torch has layers: opens=({', '.join(map(_quoted, opens))},)."
    told = [*_limits(ours, rules), *_without_rows(ours, theirs, rules), *_only_states(sides), remedy]
    told += [proposal] if proposal else []
    return "\n".join([*lines, *told])


def _only_states(sides: Sequence[tuple[LayerCall | None, LayerCall | None]]) -> Iterator[str]:
    """Recurrent layers that the port lacks: Keras leaves out what nothing reads, as states that are not handed on."""
    missing = [left.name for left, right in sides if left and not right and left.kind in _RECURRENT]
    given = [(left.name, right.name) for left, right in sides if left and right and left.kind in _RECURRENT]
    if missing and given:
        readers = ", ".join(f"{name} ({partner})" for name, partner in given)
        yield (
            f"  The port has nothing of {', '.join(missing)}: Keras leaves out layers that reach no output. If another "
            f"layer starts from its state, hand that on: initial_state of {readers}"
        )


_RECURRENT = ("LSTM", "GRU", "RNN")


def _quoted(name: str) -> str:
    return f'"{name}"'


def _limits(layers: Sequence[LayerCall], rules: tuple[LayerRule, ...]) -> Iterator[str]:
    """What layers of the reference have that no row for their type can express, as it may be why nothing fits."""
    for layer in layers:
        found = [list(settings.limits(row.settings, layer)) for row in rows_of(layer.kind, rules)]
        if all(found):
            yield from (f"  {layer.name}: {finding.why}" for limits in found[:1] for finding in limits)


def _without_rows(
    ours: Sequence[LayerCall], theirs: Sequence[LayerCall], rules: tuple[LayerRule, ...]
) -> Iterator[str]:
    """Layers of types that no row knows, with their places and what to do; all of them."""
    known = {row.reference for row in (*rules, *LAYER_RULES)}, {row.port for row in (*rules, *LAYER_RULES)}
    for framework, layers, kinds in (("torch", ours, known[0]), ("keras", theirs, known[1])):
        for layer in layers:
            if layer.kind not in kinds:
                yield (
                    f"  {framework} {layer.kind} at {layer.name} has no row: give the pair rules=(LayerRule(...),), "
                    "or write it with layers that have one"
                )


def look_up(layers: list[tuple[LayerCall, LayerCall]], rules: tuple[LayerRule, ...]) -> list[RuledLayers]:
    """The row for each pair of layers.

    Raises
    ------
    MissingRuleError
        If there is none for one or several.
    """
    found = [(ours, theirs, rule_for(ours, theirs, rules)) for ours, theirs in layers]
    missing = [
        f"  {ours.name} ({ours.kind}) -> {theirs.name} ({theirs.kind})" for ours, theirs, rule in found if not rule
    ]
    if missing:
        unknown = _without_rows([ours for ours, _ in layers], [theirs for _, theirs in layers], rules)
        raise MissingRuleError(
            "\n".join(
                [
                    f"No rule for {counted(len(missing), 'pair')} of layers, paired in the order they ran:",
                    *missing,
                    *unknown,
                ]
            )
            + "\nIf the order is wrong, give the pair matches={torch layer: Keras layer}; "
            "if the layer types are right, give it rules=(LayerRule(...),)."
        )
    return [RuledLayers(ours, theirs, rule) for ours, theirs, rule in found if rule]


def proposed_matches(ruled: Sequence[RuledLayers], traced: Traced) -> str:
    """The line that would pair each layer that does not fit with one that does, where there is one."""
    wrong = [(layers.ours, layers.theirs) for layers in ruled if not fits(layers.ours, layers.theirs, traced)]
    free, lines = [theirs for _, theirs in wrong], []
    for ours, _ in wrong:
        if partner := next((layer for layer in free if fits(ours, layer, traced)), None):
            free.remove(partner)
            lines.append(f'"{ours.name}": "{partner.name}"')
    return f"matches={{{', '.join(lines) or '...'}}}"
