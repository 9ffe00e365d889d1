"""Functions of torch that do not compute in float64 what float64 can hold, computed by others."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import torch


SOFTPLUS_ENDS, SOFTPLUS_VANISHES = 20.0, 40.0
"""From where on torch's softplus is its input, 2e-9 beside it, and from where on float64 sees no difference."""


@contextmanager
def exact(model: "torch.nn.Module") -> Iterator[None]:
    """Let a model of float64 compute in float64 alone, and differentiate by formulas whose gradients are float64's own.

    On the CPU hardsigmoid's gradient is a sixth in float32's rounding, 3e-8 beside what every other framework computes.
    Casts to float32 (``hidden_states.float()``, ``softmax(dtype=torch.float32)``) are there for models of half
    precision: of a model of float32 they say nothing, and in float64 they would round. What a model makes without
    naming a type (``torch.zeros(2, x.size(0), 5)``) is of the model's own.
    """
    import torch

    if any(parameter.dtype == torch.float64 for parameter in model.parameters()):
        with in_float64():
            yield
    else:
        yield


@contextmanager
def in_float64() -> Iterator[None]:
    """Let whatever is made and computed be float64, though it be asked to be float32."""
    import torch

    class Exact(torch.overrides.TorchFunctionMode):
        def __torch_function__(self, function, types, args=(), kwargs=None):
            if function is torch.nn.functional.hardsigmoid:
                return _hard_sigmoid(*args, **(kwargs or {}))
            if function is torch.nn.functional.softplus:
                return _softplus(*args, **(kwargs or {}))
            if function is torch.Tensor.float:
                return args[0].double()
            if function is torch.nn.functional.rms_norm:
                return _root_mean_square(*args, **(kwargs or {}))
            wide = {name: _wide(value) for name, value in (kwargs or {}).items()}
            return function(*map(_wide, args), **wide)

    with Exact(), _default_type(torch.float64):
        yield


@contextmanager
def _default_type(wanted: "torch.dtype") -> Iterator[None]:
    """Let what is made without naming a type be of this one."""
    import torch

    before = torch.get_default_dtype()
    torch.set_default_dtype(wanted)
    try:
        yield
    finally:
        torch.set_default_dtype(before)


def _wide(argument: Any) -> Any:
    """An argument, which is float64 where it is the type float32."""
    import torch

    return torch.float64 if argument is torch.float32 else argument


def _root_mean_square(
    input: "torch.Tensor",  # noqa: A002
    normalized_shape: Any,
    weight: "torch.Tensor | None" = None,
    eps: float | None = None,
) -> "torch.Tensor":
    """An epsilon that is float32's own rounding stays that in float64: it is the same model."""
    import torch

    eps = torch.finfo(torch.float32).eps if eps is None else eps
    return torch.nn.functional.rms_norm(input, normalized_shape, weight, eps)


def _softplus(input: "torch.Tensor", beta: float = 1, threshold: float = 20) -> "torch.Tensor":  # noqa: A002
    """A threshold that float32 does not see is none that float64 sees."""
    import torch

    threshold = SOFTPLUS_VANISHES if threshold >= SOFTPLUS_ENDS else threshold
    return torch.nn.functional.softplus(input, beta, threshold)


def _hard_sigmoid(input: "torch.Tensor", inplace: bool = False) -> Any:  # noqa: A002
    import torch

    computed = torch.nn.functional.relu6(input + 3) / 6
    return input.copy_(computed) if inplace else computed
