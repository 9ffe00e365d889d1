"""In which order the classes of a model are written: those that are called before those that call them."""

from collections.abc import Hashable, Sequence

from porting.writing.shaping.preparing import blocks_in
from porting.writing.values.blocks import Block, BlockCall


def in_order(model: Block) -> list[list[list[Block]]]:
    """The blocks of each class, those of classes that may be written together side by side.

    They are told apart by depth as well where classes call each other in turn.
    """
    blocks = list(blocks_in(model))
    kinds: dict[int, Hashable] = {id(block): block.kind for block in blocks}
    kinds[id(model)] = "model"
    groups = _sorted(blocks, kinds)
    if groups is None:
        heights: dict[int, int] = {}
        for block in blocks:
            heights[id(block)] = 1 + max((heights[id(inner)] for inner in _inner(block)), default=-1)
        groups = _sorted(blocks, {id(b): (heights[id(b)], b.kind, b is model) for b in blocks})
    assert groups is not None
    return groups


def _inner(block: Block) -> list[Block]:
    return [s.tree.block for s in block.statements if isinstance(s.tree, BlockCall)]


def _sorted(blocks: Sequence[Block], kinds: dict[int, Hashable]) -> list[list[list[Block]]] | None:
    groups: dict[Hashable, list[Block]] = {}
    needs: dict[Hashable, set[Hashable]] = {}
    for block in blocks:
        groups.setdefault(kinds[id(block)], []).append(block)
        needs.setdefault(kinds[id(block)], set()).update(kinds[id(inner)] for inner in _inner(block))
    ordered: list[list[list[Block]]] = []
    while needs:
        ready = [kind for kind, inner in needs.items() if not inner & set(needs)]
        if not ready:
            return None
        for kind in ready:
            del needs[kind]
        ordered.append([groups[kind] for kind in ready])
    return ordered
