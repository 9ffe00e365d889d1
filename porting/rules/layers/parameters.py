"""The row of a parameter that a model uses by itself: a class token, positions, a scale."""

from dataclasses import replace

from porting.rules.opened import LIES, OPENED, opened_pattern
from porting.rules.rule import SAME_ORDER, LayerRule
from porting.rules.settings import Declared, Fixed, Setting
from porting.rules.shared_settings import by_sizes, trained
from porting.rules.tables import Rows, Table
from porting.traces import LayerCall


def _by_shapes(rule: LayerRule, reference: LayerCall, port: LayerCall) -> LayerRule:
    """The row for two shapes: axes of length 1 may be missing on either side, and the channels may be last."""
    shapes = reference.input.shape[1:], port.input.shape[1:]
    axes = reference.settings.get(OPENED, "")
    pattern = opened_pattern(axes, *shapes, reference.settings.get(LIES, "")) if axes else pattern_of(*shapes)
    if not pattern:
        return replace(rule, tensors={"value": ("value", (_misfit(reference.input.ndim, port.input.ndim),))})
    ours, _, theirs = pattern.partition(" -> ")
    return replace(
        rule, tensors={"value": ("value", (pattern,))}, activation=f"sample {ours} -> sample {theirs}".rstrip()
    )


def _misfit(*ranks: int) -> str:
    """A pattern of these ranks, samples counted, that fits nothing."""
    ours, theirs = (
        " ".join(["axis_0=0", *(f"{side}_{at}" for at in range(2, rank))])
        for side, rank in zip(("axis", "other"), ranks, strict=True)
    )
    return f"{ours} -> {theirs}"


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


def _looked_up(rule: LayerRule, reference: LayerCall, port: LayerCall) -> LayerRule:
    """The row for a parameter whose rows the port looks up: axes of length 1 are not the table's."""
    lengths = [length for length in reference.input.shape[1:] if length > 1]
    units = ["1"] * (reference.input.ndim - 1 - len(lengths))
    axes = "position feature" if len(lengths) == 2 else _misfit(2, 3).partition(" -> ")[0]
    ours, theirs = " ".join([*units, axes]), "position feature" if len(lengths) == 2 else "axis_0=0 feature"
    (word,) = (variable for variable, _ in rule.tensors.values())
    return replace(rule, tensors={"value": (word, (f"{ours} -> {theirs}",))})


def looked_up(port: str, *settings: Setting) -> LayerRule:
    """The row of a parameter that the port has as a table, looked up at all its positions."""
    return LayerRule(
        "Parameter",
        port,
        {"value": ("embeddings", ("position feature -> position feature",))},
        (
            Declared("a label, or how the layer is stored", port=("input_dim", "output_dim", "sequence_length")),
            Declared("matters before training only", port=("initializer",), in_training=True),
            *settings,
            *trained("embeddings"),
        ),
        activation=SAME_ORDER,
        window=Table(),
        by_calls=_looked_up,
    )


def _read_whole(rule: LayerRule, reference: LayerCall, port: LayerCall) -> LayerRule:
    """The row for a table that the port has as a variable, which may have axes of length 1 besides."""
    sizes = reference.settings["num_embeddings"], reference.settings["embedding_dim"]
    pattern = pattern_of(sizes, port.input.shape[1:]) or _misfit(3, port.input.ndim)
    return replace(rule, tensors={"weight": ("value", (pattern,))})


READ_WHOLE = LayerRule(
    "Embedding",
    "Parameter",
    {"weight": ("value", ("axis_0 axis_1 -> axis_0 axis_1",))},
    (
        Fixed("torch", "max_norm", None, "Keras does not renormalise embeddings as it looks them up"),
        Declared("of gradients", ("padding_idx", "norm_type", "scale_grad_by_freq", "sparse"), in_training=True),
        by_sizes("num_embeddings embedding_dim", ""),
    ),
    activation=SAME_ORDER,
    window=Rows(),
    by_calls=_read_whole,
)

POSITIONS = (
    looked_up("Embedding", Declared("what is masked shows in what lies behind", port=("mask_zero",))),
    looked_up("PositionEmbedding"),
    READ_WHOLE,
)

PARAMETER = LayerRule(
    "Parameter",
    "Parameter",
    {"value": ("value", ("axis_0 -> axis_0",))},
    (Declared("what the axes of an opened layer's tensor are called, and how they lie", (OPENED, LIES)),),
    activation=SAME_ORDER,
    by_calls=_by_shapes,
)
