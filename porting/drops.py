"""What torch code of anybody's drops in training: known by what it makes of ones, whatever it is called."""

import inspect
import sys
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, ExitStack, contextmanager, suppress
from dataclasses import dataclass
from functools import partial
from types import FrameType
from typing import TYPE_CHECKING, Any

from porting.calls import functions_handed

if TYPE_CHECKING:
    import torch

SAMPLES = 2000
SIZES = ((3, 2, 2), (3, 2), (3,))
"""Sizes of ones, without the samples, that code is tried on: images, sequences, vectors."""
_DROPPING = {"rand", "rand_like", "bernoulli", "bernoulli_", "uniform_"}
_NOISE = {"randn", "randn_like", "normal", "normal_"}
"""Names of functions of torch that draw normal numbers."""
KINDS = {("samples",): "samples", ("samples", "channels"): "channels", ("samples", "channels", "values"): "values"}


@dataclass(frozen=True, slots=True)
class Drop:
    """How often code leaves something out, and what: "samples", "channels" or "values"; what it leaves it scales up."""

    rate: float
    drops: str


@dataclass(frozen=True, slots=True)
class Dropping:
    """A function that is not torch's and draws.

    Attributes
    ----------
    function : callable
    holders : sequence of (object, str)
        What holds it, and under which name.
    """

    function: Callable[..., Any]
    holders: Sequence[tuple[Any, str]]


def drop_of(code: "Callable[[torch.Tensor], torch.Tensor]") -> Drop | None:
    """What code does to a tensor in training, where that is dropping and scaling up; None where it is anything else."""
    import torch

    for sizes in SIZES:
        with suppress(Exception), torch.no_grad(), torch.random.fork_rng(devices=[]):  # another rank may be wanted
            torch.manual_seed(0)
            made = code(torch.ones(SAMPLES, *sizes, dtype=torch.float64))
            is_like = isinstance(made, torch.Tensor) and made.shape == (SAMPLES, *sizes)
            return _drop_in(made) if is_like else None
    return None


def _drop_in(made: "torch.Tensor") -> Drop | None:
    """What ones became: zeros, and one number that makes up for them."""
    import torch

    numbers = torch.unique(made).tolist()
    if len(numbers) != 2 or numbers[0] != 0 or numbers[1] <= 1:
        return None
    kept = 1 / numbers[1]
    axes = ["samples", "channels", *["values"] * (made.ndim - 2)]
    varying = dict.fromkeys(name for axis, name in enumerate(axes) if (made != made.narrow(axis, 0, 1)).any())
    kind = KINDS.get(tuple(varying))
    if kind is None and made.ndim == 2 and tuple(varying) == ("samples", "channels"):
        kind = "values"
    count = SAMPLES * {"samples": 1, "channels": made.shape[1]}.get(kind or "", made[0].numel())
    share = (made != 0).double().mean().item()
    is_made_up_for = abs(share - kept) <= 6 * (kept * (1 - kept) / count) ** 0.5
    return Drop(round(1 - kept, 9), kind) if kind and is_made_up_for else None


def drop_of_module(module: "torch.nn.Module") -> Drop | None:
    """The same of a module that has neither weights nor other modules."""
    if list(module.children()) or module.state_dict():
        return None
    with _training([module]):
        return drop_of(module)


@contextmanager
def _buffers_kept(model: "torch.nn.Module") -> Iterator[None]:
    before = {name: buffer.clone() for name, buffer in model.named_buffers()}
    try:
        yield
    finally:
        for name, buffer in model.named_buffers():
            if name in before and buffer.shape == before[name].shape:
                buffer.data.copy_(before[name])


@contextmanager
def _training(modules: "Sequence[torch.nn.Module]") -> Iterator[None]:
    before = [module.training for module in modules]
    try:
        for module in modules:
            module.training = True
        yield
    finally:
        for module, was in zip(modules, before, strict=True):
            module.training = was


def dropping_functions(model: "torch.nn.Module", run: Callable[[], Any]) -> list[Dropping]:
    """Functions of anybody's that draw while a model runs in training, each with what holds it.

    Layers of torch's own do not train meanwhile; whatever else is changed is put back. Nothing is found where it fails.
    """
    found = {id(drawn_in): drawn_in for drawn_in in _draws(model, run, _DROPPING, _function_of) if drawn_in is not None}
    places = {id(place): place for place in _places(model)}.values()
    return [Dropping(function, _holders(function, places)) for function in found.values()]


def drawing_modules(model: "torch.nn.Module", run: Callable[[], Any]) -> "list[torch.nn.Module]":
    """Modules, none of torch's own, whose forward or methods draw while a model runs in training."""
    modules = {id(module): module for module in model.modules()}

    def owner(frame: FrameType | None) -> "torch.nn.Module | None":
        while frame is not None and id(_first_argument(frame)) not in modules:
            frame = frame.f_back
        return _first_argument(frame) if frame else None

    found = _draws(model, run, _DROPPING | _NOISE, owner)
    return list({id(module): module for module in found if module is not None}.values())


def _draws(
    model: "torch.nn.Module", run: Callable[[], Any], names: Collection[str], told: Callable[[FrameType | None], Any]
) -> list[Any]:
    """What is told of the innermost frames, neither torch's nor ours, that draw while a model runs in training."""
    import torch

    found: list[Any] = []
    others = [module for module in model.modules() if not type(module).__module__.startswith("torch.")]
    with (
        suppress(Exception),  # code of anybody's raises what it likes
        torch.no_grad(),
        torch.random.fork_rng(devices=[]),
        _buffers_kept(model),
        _training(others),
        _watching(names, lambda: found.append(told(_authors_frame(sys._getframe(1))))),
    ):
        run()
    return found


def _watching(names: Collection[str], heard: Callable[[], None]) -> AbstractContextManager[Any]:
    """Tell of each call of torch's functions of some names."""

    def watch(function: Callable[..., Any], args: tuple, keywords: Mapping[str, Any]) -> Any:
        if getattr(function, "__name__", "") in names:
            heard()
        return function(*args, **keywords)

    return functions_handed(watch)


def _first_argument(frame: FrameType) -> Any:
    """What the function of a frame is called with first: the module, where it is a method of one."""
    return frame.f_locals.get(frame.f_code.co_varnames[0]) if frame.f_code.co_argcount else None


def _authors_frame(frame: FrameType | None) -> FrameType | None:
    """The innermost frame that is neither torch's nor ours."""
    while frame is not None and frame.f_globals.get("__name__", "").partition(".")[0] in {"torch", "porting"}:
        frame = frame.f_back
    return frame


def _function_of(frame: FrameType | None) -> Callable[..., Any] | None:
    """The function or method, other than a forward, whose code runs in a frame."""
    code = frame.f_code if frame else None
    if frame is None or code is None or code.co_name == "forward":
        return None
    known = frame.f_globals.get(code.co_name)
    if _has_code(known, code):
        return known
    owner = type(_first_argument(frame))
    return next((f for kind in owner.__mro__ if _has_code(f := vars(kind).get(code.co_name), code)), None)


def _has_code(function: Any, code: Any) -> bool:
    return getattr(function, "__code__", None) is code


def _places(model: "torch.nn.Module") -> Iterator[Any]:
    """The classes of a model, and the files that they stand in."""
    for module in model.modules():
        for kind in type(module).__mro__:
            yield kind
            yield sys.modules.get(kind.__module__)


def _holders(function: Callable[..., Any], places: Any) -> list[tuple[Any, str]]:
    own = sys.modules.get(function.__module__)
    held = [
        (place, name) for place in [own, *places] if place for name, item in vars(place).items() if item is function
    ]
    return list({(id(place), name): (place, name) for place, name in held}.values())


Kept = Callable[[Drop, "torch.Tensor", Callable[[], Any]], Any]
"""Given what is dropped, of which tensor, and what calls the function: what to give back in its place."""


@contextmanager
def replaced(functions: Sequence[Dropping], kept: Kept) -> Iterator[None]:
    """Let calls of functions that drop be what something else makes of them, in training or not."""
    with ExitStack() as stack:
        for dropping in functions:
            wrapper = _wrapped(dropping.function, kept)
            for holder, name in dropping.holders:
                stack.callback(setattr, holder, name, dropping.function)
                setattr(holder, name, wrapper)
        yield


def _wrapped(function: Callable[..., Any], kept: Kept) -> Callable[..., Any]:
    known: dict[str, Drop | None] = {}
    signature = inspect.signature(function)

    def wrapper(*args: Any, **keywords: Any) -> Any:
        import torch

        given = signature.bind(*args, **keywords)
        given.apply_defaults()
        arguments = given.arguments
        tensors = [name for name, value in arguments.items() if isinstance(value, torch.Tensor)]
        if len(tensors) != 1:
            return function(*args, **keywords)
        key = repr([_told(value) for name, value in arguments.items() if name != tensors[0]])
        if key not in known:
            known[key] = _drop_of_call(function, given, tensors[0])
        drop = known[key]
        call = partial(function, *args, **keywords)
        return kept(drop, arguments[tensors[0]], call) if drop else call()

    return wrapper


def _told(value: Any) -> Any:
    """What tells an argument from another one."""
    return value if isinstance(value, (int, float, str, tuple, type(None))) else id(value)


def _drop_of_call(function: Callable[..., Any], given: inspect.BoundArguments, tensor: str) -> Drop | None:
    """What a call drops of a tensor where its flag, or the module whose method it is, says that it trains."""
    import torch
    from torch.utils._python_dispatch import _disable_current_modes

    trained = {name: True if value is False and "train" in name else value for name, value in given.arguments.items()}
    modules = [value for value in trained.values() if isinstance(value, torch.nn.Module)]

    def on(x: "torch.Tensor") -> "torch.Tensor":
        bound = inspect.BoundArguments(given.signature, {**trained, tensor: x})  # type: ignore[arg-type]
        return function(*bound.args, **bound.kwargs)

    with _disable_current_modes(), torch._C.DisableTorchFunction(), _training(modules):
        return drop_of(on)
