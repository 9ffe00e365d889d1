"""What the exported graph says about how values are used: as images, as vectors."""

from operator import getitem
from typing import TYPE_CHECKING, Any

from porting.writing.functions.table import name_of
from porting.writing.graph.shapes import shape_of
from porting.writing.values.axes import Axes, grouped

if TYPE_CHECKING:
    from torch.fx import Node

_WINDOWS = ("conv", "conv_transpose", "max_pool", "avg_pool", "adaptive_avg_pool")
WANT_CHANNELS_LAST = {
    *(f"{kind}{rank}d" for kind in _WINDOWS for rank in (1, 2, 3)),
    "batch_norm", "group_norm", "instance_norm", "prelu", "upsample_nearest2d", "upsample_bilinear2d",
}  # fmt: skip
WANT_TORCH_ORDER = {
    "linear", "layer_norm", "flatten", "view", "reshape", "permute", "transpose", "matmul", "bmm", "embedding",
    "scaled_dot_product_attention", "softmax", "unflatten", "unsqueeze", "squeeze", "lstm", "gru", "rnn_tanh",
}  # fmt: skip
MERGES = {"view", "reshape", "flatten"}
MOVES = {"permute", "transpose"}
DROPS_UNITS = {"flatten", "squeeze", "view", "reshape"}
KEEPS_SHAPE = {"dropout", "contiguous", "clone", "detach", "alias"}


def channel_axis(node: "Node", limit: int = 40) -> int | None:
    """The axis that is the channels of the first function that wants them last; None where another one comes first.

    A step or a frame of a sequence may have been taken, or all of them put together with the samples.
    """
    waiting = [(user, node, tuple(range(len(shape_of(node))))) for user in node.users]
    seen = set()
    while waiting and len(seen) < limit:
        user, given, axes = waiting.pop(0)
        if user in seen or user.op != "call_function":
            continue
        seen.add(user)
        if name_of(user.target) in WANT_CHANNELS_LAST:
            if len(axes) > 2 and axes[1]:
                return axes[1]
        elif (last := _put_last(user, given)) is not None:
            return axes[last]
        elif found := _followed(user, given, axes):
            waiting += [(further, user, found) for further in user.users]
    return None


def _put_last(user: "Node", given: "Node") -> int | None:
    """The axis of an image that is put last, its others cut into patches or put together before; None where none is."""
    shape = shape_of(given)
    if len(shape) < 4:
        return None
    parts: list[Axes] = [(axis,) for axis in range(len(shape))]
    if name_of(user.target) in MERGES and user.users:
        parts = [()] * len(shape_of(user))
        for before, after in grouped(shape, shape_of(user)):
            for axis in after:
                parts[axis] = before
        user = next(iter(user.users))
    if user.op != "call_function" or name_of(user.target) not in MOVES or len(parts) < 3:
        return None
    order = list(range(len(parts)))
    if name_of(user.target) == "permute":
        order = [axis % len(parts) for axis in _axes_of(user)]
    else:
        first, second = (axis % len(parts) for axis in _axes_of(user))
        order[first], order[second] = second, first
    last = parts[order[-1]]
    return last[0] if len(last) == 1 and last[0] not in (0, len(shape) - 1) else None


def _axes_of(user: "Node") -> list[int]:
    """The axes that a permutation names."""
    given: Any = user.args[1:]
    return list(given[0]) if isinstance(given[0], (list, tuple)) else list(given)


def _followed(user: "Node", given: "Node", axes: Axes) -> Axes:
    """Which axes of an input those of a result are; none where they are not followed."""
    name, shapes = name_of(user.target), [shape_of(given), shape_of(user)]
    if name in MERGES:
        groups = grouped(*shapes)
        merged = groups[0][0] if groups and len(groups[0][1]) == 1 else ()
        kept = (0, *range(len(merged), len(shapes[0])))
        fits = merged == tuple(range(len(merged))) and tuple(shapes[0][axis] for axis in kept[1:]) == shapes[1][1:]
        return tuple(axes[axis] for axis in kept) if merged and fits else ()
    if name in WANT_TORCH_ORDER:
        return ()
    if name in {"select", "unbind"}:
        dim: Any = user.args[1] if len(user.args) > 1 else user.kwargs.get("dim", 0)
        return tuple(axis for at, axis in enumerate(axes) if at != dim % len(axes))
    return axes if len(shapes[1]) in (0, len(axes)) or user.target is getitem else ()


def only_dropped(node: "Node") -> bool:
    """Whether all that read a value drop its axes of length one."""
    return bool(node.users) and all(_drops(user) for user in node.users)


def _drops(user: "Node") -> bool:
    if user.op != "call_function":
        return False
    if name_of(user.target) in KEEPS_SHAPE:
        return only_dropped(user)
    return name_of(user.target) in DROPS_UNITS and 1 not in shape_of(user)
