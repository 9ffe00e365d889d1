"""The same values in other places: kernels reversed, axes and gates in another order."""

from collections.abc import Iterator
from itertools import combinations, permutations

import torch
from torch import Tensor


def rearrangements(tensor: Tensor, kind: str) -> Iterator[tuple[str, str, Tensor]]:
    """The same values in other places: (name of the hypothesis, detail, tensor)."""
    spatial = [axis for axis in range(2, tensor.ndim) if tensor.shape[axis] > 1]
    for count in range(1, len(spatial) + 1):
        for axes in combinations(spatial, count):
            yield "kernel reversed along its taps", f"along axis {', '.join(map(str, axes))}", tensor.flip(axes)
    for order in permutations(range(tensor.ndim)) if 1 < tensor.ndim <= 5 else ():
        if order != tuple(range(tensor.ndim)) and tensor.permute(order).shape == tensor.shape:
            yield "transposed wrongly", f"axes in the order {order}", tensor.permute(order)
    if tensor.ndim > 1:
        for order in permutations(range(tensor.ndim)):
            shape = [tensor.shape[axis] for axis in order]
            back = [order.index(axis) for axis in range(tensor.ndim)]
            if order != tuple(range(tensor.ndim)):
                yield (
                    "transposed wrongly",
                    f"reshaped to {tuple(shape)} where axes move",
                    tensor.reshape(shape).permute(back),
                )
    yield from _regrouped(tensor, kind)


def _regrouped(tensor: Tensor, kind: str) -> Iterator[tuple[str, str, Tensor]]:
    """The first axis taken as several: gates in another order, or groups and members exchanged."""
    length = tensor.shape[0] if tensor.ndim else 0
    for order in gate_orders(kind) if length else ():
        yield "gates in another order", f"in the order {order}", with_gates(tensor, order)
    for groups in range(2, length // 2 + 1):
        if length % groups == 0:
            split = tensor.reshape(groups, length // groups, *tensor.shape[1:])
            yield "transposed wrongly", f"{groups} groups interleaved", split.transpose(0, 1).reshape(tensor.shape)


def gate_orders(kind: str) -> Iterator[tuple[int, ...]]:
    """All orders of a recurrent layer's gates but its own."""
    gates = {"LSTM": 4, "GRU": 3}.get(kind, 1)
    return (order for order in permutations(range(gates)) if order != tuple(range(gates)))


def with_gates(tensor: Tensor, order: tuple[int, ...]) -> Tensor:
    """A tensor with its gates in another order."""
    chunks = tensor.chunk(len(order))
    return torch.cat([chunks[at] for at in order])
