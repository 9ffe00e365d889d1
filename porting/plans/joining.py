"""Which layers of the reference may be one of the port's side by side: query, key and value of one ``qkv``."""

import re
from collections.abc import Iterator, Sequence

from porting.plans.parts import place_of
from porting.plans.splits import is_made_of, runs_beside
from porting.traces import LayerCall


def join_name(names: Sequence[str], times: int = 1) -> str:
    """What layers side by side are called: what their names begin with, what is each one's own, and their turns.

    Examples
    --------
    >>> join_name(["attn.query", "attn.key", "attn.value"])
    'attn.(query key value)'
    """
    parents = [name.split(".")[:-1] for name in names]
    depth = next(
        (at for at, words in enumerate(zip(*parents, strict=False)) if len(set(words)) > 1), min(map(len, parents))
    )
    before = "".join(f"{word}." for word in parents[0][:depth])
    by_turns = f" for each of {times}" if times > 1 else ""
    return f"{before}({' '.join(name.removeprefix(before) for name in names)}{by_turns})"


def found_joins(ours: Sequence[LayerCall], theirs: Sequence[LayerCall]) -> tuple[str, ...]:
    """Layers of the reference that a layer of the port has the sizes of, where both models count alike by that."""
    groups = list(_joined(ours, theirs))
    left = len(ours) - sum(len(group) - 1 for group in groups)
    return tuple(join_name([layer.name for layer in group]) for group in groups) if left == len(theirs) else ()


def proposed_joins(ours: Sequence[LayerCall], theirs: Sequence[LayerCall]) -> str:
    """The line that joins layers of the reference as the port has them, where their sizes allow one; else nothing."""
    names = (re.sub(r"^.*\d+\.", "*.", join_name([layer.name for layer in group])) for group in _joined(ours, theirs))
    lines = ", ".join(f'"{name}"' for name in dict.fromkeys(names))
    return f"Or the port has layers in one that are apart in torch, in its order: joins=({lines},)." if lines else ""


def _joined(ours: Sequence[LayerCall], theirs: Sequence[LayerCall]) -> Iterator[list[LayerCall]]:
    wholes = [layer for layer in theirs if layer.kind == "Dense"]
    modules = [layer for layer in ours if layer.kind == "Linear" and not place_of(layer.name)]
    for group in runs_beside(modules):
        whole = next((layer for layer in wholes if is_made_of(layer, group)), None)
        if whole is not None:
            wholes.remove(whole)
            yield group
