"""A layer with several layers' units side by side, as those: ``c_attn`` is a query, a key and a value.

`ModelPair.splits` says which; in a lesson the names of the parts do.
"""

from collections.abc import Callable, Iterable, Mapping
from typing import TYPE_CHECKING, Any

from porting.errors import PairError
from porting.plans.parts import Place, part_name, place_of, whole_name
from porting.plans.splits import SideBySide
from porting.reference.abouts import About, kind_of, settings_of

if TYPE_CHECKING:
    import torch

Record = Callable[[About, Any, Callable[[Any], Any]], Any]

Split = int | str | SideBySide
"""How many layers side by side a layer is, or their names, as a pair has it, or read."""

_UNIT_AXES = {"Linear": 0, "Conv1D": 1}
"""Kind -> the axis of the weight that counts its units."""


def abouts(path: str, module: "torch.nn.Module", own: Mapping[str, str], split: Split) -> tuple[About, ...]:
    """So many layers of as many units each, as they lie side by side.

    Raises
    ------
    PairError
        If the layer cannot be cut, or not into so many.
    """
    kind, beside = kind_of(module), SideBySide.read(split)
    if kind not in _UNIT_AXES:
        kinds = " and ".join(_UNIT_AXES)
        raise PairError(f"splits names {path}, which is a {kind}: only {kinds} can be split.")
    axis = _UNIT_AXES[kind]
    units, count = module.get_parameter("weight").shape[axis], len(beside.words)
    times = beside.times_in(units)
    if not count or not times or units % (count * times):
        raise PairError(f"splits has {path} in {beside.described()}, but it has {units} units.")
    step, period = units // count // times, units // times if times > 1 else 0
    places = (Place(axis, at * step, (at + 1) * step, period) for at in range(count))
    return tuple(_about(path, module, own, place, word) for place, word in zip(places, beside.words, strict=True))


def _about(path: str, module: Any, own: Mapping[str, str], place: Place, word: str) -> About:
    axes, where = {"weight": place.axis, "bias": 0}, place[1:]
    weights = {word: part_name(name, axes[word], *where) for word, name in own.items()}
    name = part_name(path, 0, *where)
    return About(f"{name}.{word}" if word else name, kind_of(module), weights, settings_of(module))


def forward(parts: tuple[About, ...], original: Callable[..., Any], record: Record) -> Callable[..., Any]:
    """What the module computes, its units recorded part by part."""

    def run(given: "torch.Tensor") -> "torch.Tensor":
        places = [place for about in parts if (place := place_of(about.name))]
        outputs = [
            record(about, given, lambda fed, place=place: place.cut(original(fed), -1))
            for about, place in zip(parts, places, strict=True)
        ]
        return _put_together(outputs, places)

    return run


def _put_together(outputs: "list[torch.Tensor]", places: list[Place]) -> "torch.Tensor":
    import torch

    if not places[0].period:
        return torch.cat(outputs, -1)
    width = places[0].stop - places[0].start
    return torch.cat([output.unflatten(-1, (-1, width)) for output in outputs], -1).flatten(-2)


def splits_in(names: Iterable[str]) -> dict[str, Split]:
    """Layer -> how it is cut, as the names of layer calls have it."""
    parts: dict[str, dict[Place, str]] = {}
    for name in names:
        if place := place_of(name):
            parts.setdefault(whole_name(name), {})[place] = name.rpartition("].")[2]
    return {layer: _split(words) for layer, words in parts.items()}


def _split(words: Mapping[Place, str]) -> SideBySide:
    """The parts' names, which some have none of; in how many rows of each they take turns."""
    place = next(iter(words))
    own = tuple("" if "[" in word else word for word in words.values())
    return SideBySide(own, width=place.stop - place.start if place.period else 0)
