"""Query and key rotated by their positions in another layout: halves of a head, or pairs of neighbours."""

from collections.abc import Iterator
from functools import partial
from itertools import combinations

import torch

from porting.causes.segments import Edit, Segment


def rotated(segment: Segment) -> Iterator[Edit]:
    """Two sources rotated by pairs of neighbours where the reference rotates halves, or the other way round."""
    given = [name for name in segment.sources if name]
    for first, second in combinations(given, 2):
        widths = [segment.gives[name].shape[-1] for name in (first, second)]
        for depth in (depth for depth in range(4, min(widths) + 1, 2) if not any(width % depth for width in widths)):
            for layout, remedy, is_apart in _LAYOUTS:
                step = partial(_relaid, depth=depth, is_apart=is_apart)
                detail = f"{first} and {second} rotated in {layout}, {depth} features a head"
                yield Edit("rotated in another layout", detail, remedy, {first: step, second: step})


_LAYOUTS = (
    ("pairs of neighbours where the reference rotates halves", "rotate the first half of a head with the second", True),
    ("halves where the reference rotates pairs of neighbours", "rotate each feature with its neighbour", False),
)


def _relaid(tensor: torch.Tensor, depth: int, is_apart: bool) -> torch.Tensor:
    """Features of each head: those at even places before the others, or the two halves' in turns."""
    heads = tensor.unflatten(-1, (-1, depth))
    pairs = heads.unflatten(-1, (depth // 2, 2) if is_apart else (2, depth // 2))
    return pairs.transpose(-1, -2).reshape(tensor.shape)
