"""What makes a reference compute what its port computes, where the two truly differ: the truth, by hand."""

from collections.abc import Callable

from torch import nn
from torch.nn import functional

Mend = Callable[[nn.Module], None]


def with_epsilon(epsilon: float, kind: str) -> Mend:
    """Set the epsilon of all normalisations of a kind."""

    def mend(model: nn.Module) -> None:
        for module in model.modules():
            if kind in type(module).__name__:
                module.eps = epsilon

    return mend


def with_gelu(approximate: str) -> Mend:
    """Compute GELU by its formula, or by the hyperbolic tangent."""

    def mend(model: nn.Module) -> None:
        for module in model.modules():
            if hasattr(module, "intermediate_act_fn"):
                module.intermediate_act_fn = nn.GELU(approximate=approximate)

    return mend


def padded_at_the_end(*kinds: type[nn.Module]) -> Mend:
    """Pad strided windows as TensorFlow's "same" does for even sizes: one more behind than before."""

    def mend(model: nn.Module) -> None:
        for module in model.modules():
            if isinstance(module, kinds) and max(_pair(module.stride)) > 1 and max(_pair(module.padding)) > 0:
                size, stride = _pair(module.kernel_size)[0], _pair(module.stride)[0]
                whole = max(size - stride, 0)
                module.padding = 0
                module.register_forward_pre_hook(_padding(whole // 2, whole - whole // 2, _blank(module)))

    return mend


def _pair(size) -> tuple[int, ...]:
    return size if isinstance(size, tuple) else (size, size)


def _blank(module: nn.Module) -> float:
    return float("-inf") if isinstance(module, nn.MaxPool2d) else 0.0


def _padding(before: int, behind: int, value: float):
    return lambda _, given: (functional.pad(given[0], (before, behind, before, behind), value=value),)


def both(*mends: Mend) -> Mend:
    """Mend one after the other."""

    def mend(model: nn.Module) -> None:
        for one in mends:
            one(model)

    return mend
