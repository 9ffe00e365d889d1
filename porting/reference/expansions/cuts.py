"""A layer with several layers' units side by side, as those: ``c_attn`` is a query, a key and a value.

`ModelPair.splits` says which; in a lesson the names of the parts do.
"""

from collections.abc import Callable, Iterable, Mapping
from typing import TYPE_CHECKING, Any

from porting.errors import PairError
from porting.plans.parts import part_name, slices_of, whole_name
from porting.reference.abouts import About, kind_of, settings_of

if TYPE_CHECKING:
    import torch

Record = Callable[[About, Any, Callable[[Any], Any]], Any]

Split = int | str
"""How many layers side by side a layer is, or their names."""

_UNIT_AXES = {"Linear": 0, "Conv1D": 1}
"""Kind -> the axis of the weight that counts its units."""


def abouts(path: str, module: "torch.nn.Module", own: Mapping[str, str], split: Split) -> tuple[About, ...]:
    """So many layers of as many units each, as they lie side by side.

    Raises
    ------
    PairError
        If the layer cannot be cut, or not into so many.
    """
    kind = kind_of(module)
    if kind not in _UNIT_AXES:
        kinds = " and ".join(_UNIT_AXES)
        raise PairError(f"splits names {path}, which is a {kind}: only {kinds} can be split.")
    axis = _UNIT_AXES[kind]
    units = module.get_parameter("weight").shape[axis]
    words = split.split() if isinstance(split, str) else [""] * split
    if not words or units % len(words):
        raise PairError(f"splits has {path} in {len(words)} parts, but it has {units} units.")
    step = units // len(words)
    places = (slice(at * step, (at + 1) * step) for at in range(len(words)))
    return tuple(_about(path, module, own, axis, units, word) for units, word in zip(places, words, strict=True))


def _about(path: str, module: Any, own: Mapping[str, str], axis: int, units: slice, word: str) -> About:
    start, stop = units.start, units.stop
    axes = {"weight": axis, "bias": 0}
    weights = {word: part_name(name, axes[word], start, stop) for word, name in own.items()}
    name = part_name(path, 0, start, stop)
    return About(f"{name}.{word}" if word else name, kind_of(module), weights, settings_of(module))


def forward(parts: tuple[About, ...], original: Callable[..., Any], record: Record) -> Callable[..., Any]:
    """What the module computes, its units recorded part by part."""
    import torch

    def run(given: "torch.Tensor") -> "torch.Tensor":
        outputs = [
            record(about, given, lambda fed, about=about: original(fed)[(..., *slices_of(about.name))])
            for about in parts
        ]
        return torch.cat(outputs, -1)

    return run


def splits_in(names: Iterable[str]) -> dict[str, Split]:
    """Layer -> how it is cut, as the names of layer calls have it."""
    parts: dict[str, dict[int, str]] = {}
    for name in names:
        if places := slices_of(name):
            parts.setdefault(whole_name(name), {})[places[0].start] = name.rpartition("].")[2]
    return {layer: _split(list(words.values())) for layer, words in parts.items()}


def _split(words: list[str]) -> Split:
    """The parts' names, or how many there are where they have none."""
    return len(words) if any("[" in word for word in words) else " ".join(words)
