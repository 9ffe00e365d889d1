"""The row of a parameter that a model uses by itself: a class token, positions, a scale."""

from dataclasses import replace

from porting.rules.rule import SAME_ORDER, LayerRule
from porting.traces import LayerCall


def _by_shapes(rule: LayerRule, reference: LayerCall, port: LayerCall) -> LayerRule:
    """The row for two shapes: axes of length 1 may be missing on either side, and the channels may be last."""
    pattern = pattern_of(reference.input.shape[1:], port.input.shape[1:])
    if not pattern:
        return rule
    ours, _, theirs = pattern.partition(" -> ")
    return replace(
        rule, tensors={"value": ("value", (pattern,))}, activation=f"sample {ours} -> sample {theirs}".rstrip()
    )


def pattern_of(reference: tuple[int, ...], port: tuple[int, ...]) -> str:
    """The axis pattern of two shapes; empty where they do not fit, or in several ways.

    Examples
    --------
    >>> pattern_of((1, 197, 64), (197, 64)), pattern_of((8, 1, 1), (1, 1, 8)), pattern_of((3, 5, 7), (5, 7, 3))
    ('1 axis_1 axis_2 -> axis_1 axis_2', 'axis_0 1 1 -> 1 1 axis_0', 'axis_0 axis_1 axis_2 -> axis_1 axis_2 axis_0')
    """
    ours = [at for at, length in enumerate(reference) if length > 1]
    theirs = [at for at, length in enumerate(port) if length > 1]
    lengths, wanted = [reference[at] for at in ours], [port[at] for at in theirs]
    if lengths == wanted:
        order = ours
    elif [*lengths[1:], *lengths[:1]] == wanted:
        order = [*ours[1:], *ours[:1]]
    else:
        return ""
    names = {at: f"axis_{at}" for at in ours}
    placed = dict(zip(theirs, order, strict=True))
    left = " ".join(names.get(at, "1") for at in range(len(reference)))
    right = " ".join(names[placed[at]] if at in placed else "1" for at in range(len(port)))
    return f"{left} -> {right}"


PARAMETER = LayerRule(
    "Parameter",
    "Parameter",
    {"value": ("value", ("axis_0 -> axis_0",))},
    activation=SAME_ORDER,
    by_calls=_by_shapes,
)
