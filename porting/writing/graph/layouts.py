"""What the exported graph says about how values are used: as images, as vectors."""

from typing import TYPE_CHECKING

from porting.writing.functions.table import name_of
from porting.writing.graph.shapes import shape_of

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
DROPS_UNITS = {"flatten", "squeeze", "view", "reshape"}
KEEPS_SHAPE = {"dropout", "contiguous", "clone", "detach", "alias"}


def feeds_channels(node: "Node", limit: int = 40) -> bool:
    """Whether the first function that cares about axes wants the channels last."""
    waiting, seen = list(node.users), set()
    while waiting and len(seen) < limit:
        user = waiting.pop(0)
        if user in seen or user.op != "call_function":
            continue
        seen.add(user)
        name = name_of(user.target)
        if name in WANT_CHANNELS_LAST:
            return True
        if name not in WANT_TORCH_ORDER:
            waiting += list(user.users)
    return False


def only_dropped(node: "Node") -> bool:
    """Whether all that read a value drop its axes of length one."""
    return bool(node.users) and all(_drops(user) for user in node.users)


def _drops(user: "Node") -> bool:
    if user.op != "call_function":
        return False
    if name_of(user.target) in KEEPS_SHAPE:
        return only_dropped(user)
    return name_of(user.target) in DROPS_UNITS and 1 not in shape_of(user)
