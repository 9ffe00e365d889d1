"""Gradients of a torch model, and one training step's statistics. `port.gradients` has the same of a Keras model."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np

from porting.calls import functions_handed
from porting.records.gradients import Gradients
from porting.reference import functions as torch_functions
from porting.reference.ends import Ends
from porting.reference.exact import exact
from porting.reference.recording import run
from porting.reference.rounding import one_rounding_away, rounded
from porting.reference.side import array_of, call, tensors_of
from porting.reference.uses import taught
from porting.traces import Lesson
from porting.traces.parking import copied, release

if TYPE_CHECKING:
    import torch

_ROUNDING = 2.0**-52
_SEED = 20221205


def gradients(
    model: "torch.nn.Module",
    inputs: Sequence[np.ndarray],
    cotangents: Sequence[np.ndarray],
    beside: Callable[[], AbstractContextManager[Any]] | None = None,
) -> Gradients:
    """Gradients of the sum of all outputs times `cotangents`, in evaluation mode; then one step's statistics.

    They are taken twice: the second time one rounding away, so that it is known how far rounding moves each of them;
    and once more where the model has a state `beside` its own that is as good.
    """
    generator = np.random.default_rng(_SEED)
    taken = _taken(model, inputs, cotangents)
    with one_rounding_away(model, generator, _ROUNDING):
        again = _taken(model, [rounded(array, generator, _ROUNDING) for array in inputs], cotangents)
    moves = _moves(taken, again)
    if beside is not None:
        with beside():
            further = _moves(taken, _taken(model, inputs, cotangents))
        moves = {name: max(move, further[name]) for name, move in moves.items()}
    return replace(taken, moves=moves)


def _moves(taken: Gradients, again: Gradients) -> dict[str, float]:
    both = zip(taken.arrays(), again.arrays(), strict=True)
    return {name: _furthest(array, other) for (name, array), (_, other) in both}


def _furthest(array: Any, other: Any) -> float:
    apart = float(np.abs(array - other).max(initial=0.0))
    release(array, other)
    return apart


def _taken(model: "torch.nn.Module", inputs: Sequence[np.ndarray], cotangents: Sequence[np.ndarray]) -> Gradients:
    import torch

    given = [tensor.requires_grad_(tensor.is_floating_point()) for tensor in tensors_of(model, inputs)]
    with _differentiable(model), torch.enable_grad():
        outputs = call(model.eval(), [tensor.clone() for tensor in given])
        factors = [torch.from_numpy(np.ascontiguousarray(array)) for array in cotangents]
        torch.stack([(out * by).sum() for out, by in zip(outputs, factors, strict=True)]).sum().backward()
        named = dict(model.named_parameters())
        weights = {name: copied(array_of(_gradient(parameter))) for name, parameter in named.items()}
    return Gradients(
        tuple(array_of(_gradient(tensor)) if tensor.is_floating_point() else None for tensor in given),
        weights,
        _statistics_after_a_step(model, inputs),
    )


def unseen_values(model: "torch.nn.Module", inputs: Sequence[np.ndarray], lesson: Lesson = ()) -> dict[str, np.ndarray]:
    """Which values of each parameter change no output of floats: those whose gradient is zero on all samples.

    With a lesson, no output of any layer that is run alone by it. Where a forward ends gradients (``detach``,
    ``no_grad``), its values change an output all the same: those count that have a gradient where none is ended.
    """
    ends = Ends()
    with ends:
        unseen = _without_gradient(model, inputs, lesson)
    if not ends.met or not any(values.any() for values in unseen.values()):
        return unseen
    with Ends(passed=True):
        passed = _without_gradient(model, inputs, lesson)
    return {name: values & passed[name] for name, values in unseen.items()}


def _without_gradient(model: "torch.nn.Module", inputs: Sequence[np.ndarray], lesson: Lesson) -> dict[str, np.ndarray]:
    import torch

    watch = taught(model, lesson, differentiates=True) if lesson else None
    with _differentiable(model), torch.enable_grad():
        outputs = run(model, inputs, watch) if watch else call(model.eval(), tensors_of(model, inputs))
        seen = [out for out in (watch.outputs if watch else outputs) if out.requires_grad]
        generator = torch.Generator().manual_seed(0)
        signs = (torch.rand(out.shape, generator=generator, dtype=out.dtype) + 0.5 for out in seen)
        if seen:
            torch.stack([(out * sign).sum() for out, sign in zip(seen, signs, strict=True)]).sum().backward()
        return {name: array_of(_gradient(parameter) == 0) for name, parameter in model.named_parameters()}


@contextmanager
def _differentiable(model: "torch.nn.Module") -> Iterator[None]:
    """Every parameter takes an exact gradient, and has none before or afterwards."""
    before = {parameter: parameter.requires_grad for parameter in model.parameters()}
    for parameter in before:
        parameter.requires_grad_(parameter.is_floating_point())
    try:
        with exact(model):
            yield
    finally:
        for parameter, wanted in before.items():
            parameter.grad = None
            parameter.requires_grad_(wanted)


def _gradient(tensor: "torch.Tensor") -> "torch.Tensor":
    import torch

    return torch.zeros_like(tensor) if tensor.grad is None else tensor.grad


def _statistics_after_a_step(model: "torch.nn.Module", inputs: Sequence[np.ndarray]) -> dict[str, np.ndarray]:
    """Floating buffers after one forward pass in which what owns them trains; the model is left as it was.

    What does not own any is in evaluation: nothing is dropped, and no branch is left out.
    """
    saved = set(model.state_dict())
    held = {
        name: buffer
        for name, buffer in model.named_buffers()
        if name in saved and buffer.is_floating_point() and not buffer.isinf().any()  # a mask is no statistic
    }
    if not held:
        return {}
    owners = {name.rpartition(".")[0] for name in held}
    with in_training(model), exact(model), _without_dropout():
        model.eval()
        for owner in owners:
            model.get_submodule(owner).training = True
        call(model, tensors_of(model, inputs))
        return {name: array_of(buffer).copy() for name, buffer in held.items()}


@contextmanager
def in_training(model: "torch.nn.Module") -> Iterator[None]:
    """Put a model into training mode for a while, without gradients; its buffers are left as they were."""
    import torch

    before = {name: buffer.clone() for name, buffer in model.named_buffers()}
    try:
        with torch.no_grad():
            model.train()
            yield
    finally:
        model.eval()
        for name, buffer in model.named_buffers():
            buffer.data.copy_(before[name])


def _without_dropout() -> Any:
    def keep_all(function: Callable[..., Any], args: tuple, keywords: Mapping[str, Any]) -> Any:
        is_dropout = "dropout" in torch_functions.called_name(function)
        return args[0] if is_dropout and args else function(*args, **keywords)

    return functions_handed(keep_all)
