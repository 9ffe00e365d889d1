"""What a torch model draws in training, and on what. `port.randomness` has the same of a Keras model."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from porting.records.randomness import RandomCall, fingerprint_of, rate_of
from porting.reference import functions as torch_functions
from porting.reference.gradients import in_training
from porting.reference.runs import teach
from porting.reference.side import array_of, call, tensors_of
from porting.reference.structure import taught_modules
from porting.traces import Lesson

if TYPE_CHECKING:
    import torch

_DROPS = {
    "Dropout": "values",
    "Dropout1d": "channels",
    "Dropout2d": "channels",
    "Dropout3d": "channels",
    "StochasticDepth": "samples",
    "DropPath": "samples",
    "dropout": "values",
    "dropout1d": "channels",
    "dropout2d": "channels",
    "dropout3d": "channels",
}
"""Type of module, or name of a function -> what it draws for."""


def random_calls(model: "torch.nn.Module", inputs: Sequence[np.ndarray], lesson: Lesson) -> tuple[RandomCall, ...]:
    """List what draws in training, in execution order, with the tensors that it acts on where layers are taught.

    A module draws if the generator's state changes while it runs in training mode, and nothing else that is listed
    changed it; a function if it is one of torch's dropouts, outside of such a module.
    """
    layers = taught_modules(model, lesson)
    drawing, rates = _drawing(model, inputs, layers)
    found: list[RandomCall] = []
    behind = [""]

    def heard(name: str, kind: str, rate: float | None, given: Any) -> None:
        if rate != 0 and hasattr(given, "numel") and given.numel() and given.is_floating_point():
            about = (name, kind, _DROPS.get(kind, ""), rate, behind[-1])
            found.append(RandomCall(*about, fingerprint_of(array_of(given))))

    def hearing(path: str, module: "torch.nn.Module") -> Any:
        kind, rate = type(module).__name__, rate_of(module)
        return lambda _, arguments: heard(path, kind, rate, arguments[0] if arguments else None)

    def function_heard(name: str, given: Any, _: float) -> None:
        heard(f"F.{name}", name, next(rates, 0.0), given)

    with ExitStack() as stack:
        for path, module in layers.items():
            stack.callback(module.register_forward_pre_hook(lambda *_, path=path: behind.append(path)).remove)
        for path, module in drawing.items():
            stack.callback(module.register_forward_pre_hook(hearing(path, module)).remove)
        stack.enter_context(_dropouts_heard([*layers.values(), *drawing.values()], function_heard))
        teach(model, inputs, lesson, alone=False)
    return tuple(found)


@dataclass(slots=True)
class _Frame:
    """A module that is running: the generator's state before it, and whether what is listed has drawn inside it."""

    state: "torch.Tensor"
    is_explained: bool = False


def _drawing(
    model: "torch.nn.Module", inputs: Sequence[np.ndarray], layers: Mapping[str, "torch.nn.Module"]
) -> tuple[dict[str, "torch.nn.Module"], Iterator[float]]:
    """Modules that draw in training mode, and the rate of each dropout that is called outside of them and of layers."""
    import torch

    drawing: dict[str, torch.nn.Module] = {}
    functions: list[float] = []
    frames: list[_Frame] = []
    paths = {id(module): path for path, module in model.named_modules()}

    def explained() -> None:
        for frame in frames:
            frame.is_explained = True

    def enter(module: "torch.nn.Module", _: Any) -> None:
        frames.append(_Frame(torch.get_rng_state()))

    def leave(module: "torch.nn.Module", _: Any, __: Any) -> None:
        frame = frames.pop()
        if torch.equal(frame.state, torch.get_rng_state()):
            return
        is_simple = not list(module.children()) and not list(module.parameters())
        if is_simple or not (frame.is_explained or paths[id(module)] in layers):
            drawing[paths[id(module)]] = module
        explained()

    def function_heard(name: str, given: Any, rate: float) -> None:
        explained()
        functions.append(rate)

    simple = [module for module in model.modules() if not list(module.children())]
    with ExitStack() as stack, torch.random.fork_rng(devices=[]):
        for module in model.modules():
            stack.callback(module.register_forward_pre_hook(enter).remove)
            stack.callback(module.register_forward_hook(leave).remove)
        stack.enter_context(_dropouts_heard([*layers.values(), *simple], function_heard))
        with in_training(model):
            call(model, tensors_of(model, inputs))
    return drawing, iter(functions)


@contextmanager
def _dropouts_heard(without: Sequence["torch.nn.Module"], heard: Callable[[str, Any, float], None]) -> Iterator[None]:
    """Tell of each call of one of torch's dropouts by name, input and rate, but for those inside some modules."""
    import torch

    depth = [0]

    class Hearing(torch.overrides.TorchFunctionMode):
        def __torch_function__(self, function, types, args=(), kwargs=None):
            name, keywords = torch_functions.called_name(function), kwargs or {}
            if name in _DROPS and not depth[0]:
                rate = args[1] if len(args) > 1 else keywords.get("p", 0.5)
                trains = args[2] if len(args) > 2 else keywords.get("training", True)
                heard(name, args[0] if args else keywords.get("input"), float(rate) if trains else 0.0)
            return function(*args, **keywords)

    def deeper(by: int) -> Callable[..., None]:
        return lambda *_: depth.__setitem__(0, depth[0] + by)

    with ExitStack() as stack:
        for module in without:
            stack.callback(module.register_forward_pre_hook(deeper(1)).remove)
            stack.callback(module.register_forward_hook(deeper(-1)).remove)
        with Hearing():
            yield
