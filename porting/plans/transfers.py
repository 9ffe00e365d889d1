"""How each tensor of two paired layers moves, by the rule for their types or by the pair's own axes."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from porting.errors import AxisSizeError
from porting.pairs.pair import ModelPair
from porting.plans.plan import LayerPair, Transfer
from porting.rules import patterns, settings
from porting.rules.rule import LayerRule
from porting.traces import LayerCall, Lesson, Trace
from porting.wording import counted


@dataclass(frozen=True, slots=True)
class Traced:
    """A pair, and a run of each of its models on the same probe; and how the port is taught a lesson, if it can be.

    `supposes_turned` where recurrent layers that run in different directions are taken to be given their steps turned,
    as they must be in a right port: what arrives shows whether they are.
    """

    pair: ModelPair
    reference: Trace
    port: Trace
    teach: Callable[[Lesson], Trace] | None = None
    supposes_turned: bool = False


@dataclass(frozen=True, slots=True)
class RuledLayers:
    """A layer of the reference, its partner in the port, and the row for their types."""

    ours: LayerCall
    theirs: LayerCall
    rule: LayerRule

    def audit(self) -> list[settings.Finding]:
        """What comes of their settings, by the row."""
        return list(settings.audit(self.rule.settings, self.ours, self.theirs))


def layer_pair(layers: RuledLayers, traced: Traced) -> LayerPair:
    """The plan of two layers: their transfers, and the axis patterns of their activations."""
    ours, theirs, rule, axes = layers.ours, layers.theirs, layers.rule, traced.pair.axes
    transfers = tuple(transfers_of(layers, traced, axes))
    moved = {transfer.references[0] for transfer in transfers}
    firsts = {words: ours.weights.get(words.split()[0], "") for words in rule.tensors}
    own_axes = [
        (by_rule, axes[firsts[words]])
        for words, (_, row_patterns) in rule.tensors.items()
        for by_rule in row_patterns
        if firsts[words] in moved.intersection(axes)
    ]
    given = split_activation(traced.pair.activations.get(ours.name, ""))
    by_rule = [_refined(pattern, own_axes) for pattern in (rule.activation, rule.output or rule.activation)]
    shapes = [(ours.input.shape, theirs.input.shape), (ours.output.shape, theirs.output.shape)]
    input_axes, output_axes = (
        own or _samples_first(pattern, *both) for own, pattern, both in zip(given, by_rule, shapes, strict=True)
    )
    return LayerPair(ours.name, theirs.name, rule, transfers, input_axes, output_axes)


def split_activation(text: str) -> tuple[str, str]:
    """A layer's own patterns of its input and of its output; one pattern is for both."""
    given, _, returned = text.partition(";")
    return given.strip(), (returned or given).strip()


def _samples_first(pattern: str, reference: tuple[int, ...], port: tuple[int, ...]) -> str:
    """A pattern for a reference that has its positions before its samples, as torch's recurrent layers like them."""
    ours, theirs = patterns.words(pattern)
    both_start_alike = ours[:2] == theirs[:2] == ["sample", "..."]
    if not both_start_alike or len(reference) < 3 or len(reference) != len(port) or reference[:2] == port[:2]:
        return pattern
    if (reference[1], reference[0]) != port[:2]:
        return pattern
    left, right = (["position", "sample", *ours[1:]], ["sample", "position", *theirs[1:]])
    return f"{' '.join(left)} -> {' '.join(right)}"


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


def transfers_of(layers: RuledLayers, traced: Traced, axes: Mapping[str, str]) -> Iterator[Transfer]:
    """Transfers of the tensors that both layers have; coverage finds the others."""
    ours, theirs = layers.ours, layers.theirs
    for words, (port_word, row_patterns) in layers.rule.tensors.items():
        if ours.weights.keys() >= set(words.split()) and port_word in theirs.weights:
            names, variable = [ours.weights[word] for word in words.split()], theirs.weights[port_word]
            stack = (len(names),) if len(names) > 1 else ()
            shapes = (*stack, *traced.reference.shapes[names[0]]), traced.port.shapes[variable]
            candidates = (axes[names[0]],) if names[0] in axes else row_patterns
            pattern = next((tried for tried in candidates if patterns.ranks(tried) == tuple(map(len, shapes))), None)
            if pattern is None:
                raise AxisSizeError(_misfit(names, variable, shapes, candidates, setting_differences(layers)))
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
        f"  no pattern for {len(shape)} and {counted(len(port_shape), 'axis', 'axes')} ({'; '.join(candidates)})",
        *differences,
        f'Name the axes: axes={{"{names[0]}": "... -> ..."}}.',
    ]
    return "\n".join(lines)


def setting_differences(layers: RuledLayers) -> list[str]:
    """Settings that differ, as they may be why a tensor does not fit."""
    return as_lines(settings.described(layers.audit(), "differs", in_training=False))


def as_lines(differences: Sequence[str]) -> list[str]:
    """Settings that differ, a line of a message each."""
    return [f"  setting differs: {difference}" for difference in differences]


def listed(names: Iterable[str]) -> str:
    """Names in their order, as a message has them."""
    return ", ".join(sorted(names))
