"""Functions of torch that do not compute in float64 what float64 can hold, computed by others."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import torch


@contextmanager
def exact() -> Iterator[None]:
    """Differentiate by formulas whose gradients are float64's own, where a tensor is of float64.

    On the CPU hardsigmoid's gradient is a sixth in float32's rounding, 3e-8 beside what every other framework computes.
    """
    import torch

    class Exact(torch.overrides.TorchFunctionMode):
        def __torch_function__(self, function, types, args=(), kwargs=None):
            if function is torch.nn.functional.hardsigmoid:
                return _hard_sigmoid(*args, **(kwargs or {}))
            return function(*args, **(kwargs or {}))

    with Exact():
        yield


def _hard_sigmoid(input: "torch.Tensor", inplace: bool = False) -> Any:  # noqa: A002
    import torch

    if input.dtype != torch.float64:
        return torch.nn.functional.hardsigmoid(input, inplace=inplace)
    computed = torch.nn.functional.relu6(input + 3) / 6
    return input.copy_(computed) if inplace else computed
