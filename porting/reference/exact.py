"""Functions of torch that do not compute in float64 what float64 can hold, computed by others."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from porting.calls import functions_handed

if TYPE_CHECKING:
    import torch


SOFTPLUS_ENDS, SOFTPLUS_VANISHES = 20.0, 40.0
"""From where on torch's softplus is its input, 2e-9 beside it, and from where on float64 sees no difference."""


@contextmanager
def exact(model: "torch.nn.Module") -> Iterator[None]:
    """Let a model of float64 compute in float64 alone, and differentiate by formulas whose gradients are float64's own.

    On the CPU hardsigmoid's gradient is a sixth in float32's rounding, 3e-8 beside what every other framework computes,
    and CELU's has its alpha in float32.
    Casts to float32 (``hidden_states.float()``, ``softmax(dtype=torch.float32)``) are there for models of half
    precision: of a model of float32 they say nothing, and in float64 they would round. What a model makes without
    naming a type (``torch.zeros(2, x.size(0), 5)``) is of the model's own; the numbers of ``torch.tensor([0.1])`` stay
    those of float32: it is the same model.
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

    instead = {
        torch.nn.functional.hardsigmoid: _hard_sigmoid,
        torch.nn.functional.celu: _celu,
        torch.celu: _celu,
        torch.nn.functional.softplus: _softplus,
        torch.nn.functional.rms_norm: _root_mean_square,
        torch.Tensor.float: torch.Tensor.double,
    }
    made_of_numbers = {torch.tensor, torch.as_tensor, torch.Tensor.new_tensor}

    def exactly(function: Callable[..., Any], args: tuple, keywords: Mapping[str, Any]) -> Any:
        if function in instead:
            return instead[function](*args, **keywords)
        if function in made_of_numbers and _holds_numbers(args, keywords):
            return function(*args, **keywords).float().double()
        return function(*map(_wide, args), **{name: _wide(value) for name, value in keywords.items()})

    with functions_handed(exactly), _default_type(torch.float64):
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


def _holds_numbers(args: Sequence[Any], keywords: Mapping[str, Any]) -> bool:
    """Whether a tensor is made of fractions that are written into a model: float32's own, also in float64."""
    import torch

    data = args[-1] if args else keywords.get("data")
    is_plain = isinstance(data, float | list | tuple) and keywords.get("dtype") in (None, torch.float32)
    return is_plain and torch.as_tensor(data).is_floating_point()


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


def _celu(input: "torch.Tensor", alpha: float = 1.0, inplace: bool = False) -> Any:  # noqa: A002
    import torch

    given = input.clone() if inplace else input
    computed = torch.where(given > 0, given, alpha * torch.expm1(given.clamp(max=0.0) / alpha))
    return input.copy_(computed) if inplace else computed


def _hard_sigmoid(input: "torch.Tensor", inplace: bool = False) -> Any:  # noqa: A002
    import torch

    computed = torch.nn.functional.relu6(input + 3) / 6
    return input.copy_(computed) if inplace else computed
