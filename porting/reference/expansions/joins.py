"""Layers that are one of the port's side by side, as that one: a query, a key and a value are a ``qkv``.

`ModelPair.joins` says which, and in a lesson the name of the whole does: ``attn.(q k v)``. `cuts` has the opposite.
"""

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING, Any

from porting.errors import PairError
from porting.plans.joining import join_name
from porting.plans.splits import SideBySide
from porting.reference.abouts import About

if TYPE_CHECKING:
    import torch

Whole = tuple[tuple[str, ...], int]
"""The paths of layers that are one side by side, and how often they take turns."""

_NAME = re.compile(r"(.*)\(([^()]+)\)$")


@dataclass(frozen=True, slots=True)
class Layer:
    """A layer that may be joined: what is known of it, and what it computes by itself."""

    about: About
    run: Callable[..., Any]


@dataclass(slots=True)
class Join:
    """Layers that run as one: the first that is called runs them all, each of the others has its part of that.

    Attributes
    ----------
    about : About
    originals : Mapping
        Path of each -> its own ``forward``, in the order in which they lie side by side.
    times : int
        How often they take turns.
    """

    about: About
    originals: Mapping[str, Callable[..., Any]]
    times: int = 1
    _given: Any = None
    _parts: dict[str, Any] = field(default_factory=dict)

    def forward(self, path: str, given: "torch.Tensor", record: Callable[..., Any]) -> "torch.Tensor":
        """What one of them returns; `record` runs a layer on its input, and returns what it is to return."""
        if path not in self._parts:
            output = record(self.about, given, self._run)
            self._given = given
            self._parts = dict(zip(self.originals, self._apart(output), strict=True))
        elif self._given is not given and not bool((self._given == given).all()):
            raise PairError(
                f"joins has {self.about.name} side by side, but {path} is given another input than the first of them."
            )
        return self._parts.pop(path)

    def _run(self, fed: "torch.Tensor") -> "torch.Tensor":
        import torch

        by_turns = [original(fed).unflatten(-1, (self.times, -1)) for original in self.originals.values()]
        return torch.cat(by_turns, -1).flatten(-2)

    def _apart(self, output: "torch.Tensor") -> "list[torch.Tensor]":
        return [part.flatten(-2) for part in output.unflatten(-1, (self.times, -1)).chunk(len(self.originals), -1)]


def paths_of(name: str) -> tuple[str, ...]:
    """The paths of the layers that a name of a whole has; none where it is a layer's own name."""
    found = _NAME.match(name)
    return tuple(found[1] + word for word in SideBySide.read(found[2]).words) if found else ()


def times_of(name: str) -> int:
    """How often the layers that a name of a whole has take turns."""
    found = _NAME.match(name)
    return SideBySide.read(found[2]).times if found else 1


def matching(patterns: Iterable[str], paths: Sequence[str]) -> list[Whole]:
    """The layers of each whole that a pair names, where ``*`` stands for anything; and how often they take turns.

    Raises
    ------
    PairError
        If there are none.
    """
    found = []
    for pattern in patterns:
        wanted = paths_of(pattern)
        prefix = (_NAME.match(pattern) or ["", ""])[1]
        words = [path.removeprefix(prefix) for path in wanted]
        firsts = [path.removesuffix(words[0]) for path in paths if words and fnmatchcase(path, wanted[0])]
        wholes = [tuple(first + word for word in words) for first in firsts]
        if not wholes or any(path not in paths for whole in wholes for path in whole):
            raise PairError(f"joins names layers that the reference does not have: {pattern}")
        found += [(whole, times_of(pattern)) for whole in wholes]
    return found


def joins_of(wholes: Iterable[Whole], layers: Mapping[str, Layer]) -> dict[str, Join]:
    """Path of each layer -> the whole that it is of."""
    joins: dict[str, Join] = {}
    for paths, times in wholes:
        about = _about([layers[path].about for path in paths], times)
        joins |= dict.fromkeys(paths, Join(about, {path: layers[path].run for path in paths}, times))
    return joins


def _about(parts: Sequence[About], times: int) -> About:
    name, sizes = join_name([part.name for part in parts], times), {str(part.settings) for part in parts}
    words = [sorted(part.weights) for part in parts]
    if any(part.kind != "Linear" for part in parts) or len(sizes) > 1 or words != words[:1] * len(words):
        raise PairError(f"joins has {name} side by side: only Linear layers of one size, all with a bias or none.")
    weights = {f"{word}_{at}": part.weights[word] for word in words[0] for at, part in enumerate(parts)}
    units = sum(part.settings["out_features"] for part in parts)
    if units % (len(parts) * times):
        raise PairError(f"joins has {name} side by side, but each has {units // len(parts)} units.")
    return About(name, "Linear", weights, {**parts[0].settings, "out_features": units, "turns": times})
