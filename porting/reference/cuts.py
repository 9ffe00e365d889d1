"""A layer with several layers' units side by side, as those: ``c_attn`` is a query, a key and a value.

`ModelPair.splits` says which; in a lesson the names of the parts do.
"""

from collections.abc import Callable, Iterable, Mapping
from typing import TYPE_CHECKING, Any

from porting.errors import PairError
from porting.parts import part_name, slices_of, whole_name
from porting.reference.abouts import About, kind_of, settings_of

if TYPE_CHECKING:
    import torch

Record = Callable[[About, Any, Callable[[Any], Any]], Any]

_UNIT_AXES = {"Linear": 0, "Conv1D": 1}
"""Kind -> the axis of the weight that counts its units."""


def abouts(path: str, module: "torch.nn.Module", own: Mapping[str, str], count: int) -> tuple[About, ...]:
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
    if count < 1 or units % count:
        raise PairError(f"splits has {path} in {count} parts, but it has {units} units.")
    step = units // count
    return tuple(_about(path, module, own, axis, at, at + step) for at in range(0, units, step))


def _about(path: str, module: Any, own: Mapping[str, str], axis: int, start: int, stop: int) -> About:
    axes = {"weight": axis, "bias": 0}
    weights = {word: part_name(name, axes[word], start, stop) for word, name in own.items()}
    return About(part_name(path, 0, start, stop), kind_of(module), weights, settings_of(module))


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


def counts_in(names: Iterable[str]) -> dict[str, int]:
    """Layer -> its number of parts, as the names of layer calls have them."""
    parts: dict[str, set[str]] = {}
    for name in names:
        if slices_of(name):
            parts.setdefault(whole_name(name), set()).add(name)
    return {layer: len(found) for layer, found in parts.items()}
