"""What a torch model draws in training, and on what. `port.randomness` has the same of a Keras model."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from porting.drops import NOISE, Drop, Dropping, dropping_functions, replaced, watching
from porting.records.randomness import (
    FACTOR,
    INSIDE,
    Draw,
    Fingerprint,
    RandomCall,
    arrivals_of,
    enough_rows,
    measured,
    rate_of,
)
from porting.reference import functions as torch_functions
from porting.reference.ends import idle_modules
from porting.reference.exact import exact
from porting.reference.gradients import in_training
from porting.reference.runs import teach
from porting.reference.side import array_of, call, hooked, tensors_of
from porting.reference.structure import taught_modules
from porting.traces import Lesson

if TYPE_CHECKING:
    import torch


def state() -> Any:
    """Where torch's generator is."""
    import torch

    return torch.get_rng_state()


@contextmanager
def drawing_from(state: Any) -> Iterator[None]:
    """Draw the numbers that follow a state of torch's generator, and leave the generator where it is."""
    import torch

    with torch.random.fork_rng(devices=[]):
        torch.set_rng_state(state)
        yield


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
    "feature_dropout": "channels",
    "alpha_dropout": "",
    "feature_alpha_dropout": "",
    "scaled_dot_product_attention": "values",
    "multi_head_attention_forward": "values",
    "lstm": "values",
    "gru": "values",
    "rnn_tanh": "values",
    "rnn_relu": "values",
    "drop_path": "samples",
}
"""Type of module, or name of a function -> what it draws for."""

OWN_FUNCTIONS = {"samples": "drop_path", "channels": "dropout2d", "values": "dropout"}
"""What is dropped -> what a function of anybody's that drops it is called."""


def random_calls(model: "torch.nn.Module", inputs: Sequence[np.ndarray], lesson: Lesson) -> tuple[RandomCall, ...]:
    """List what draws in training, in execution order, with the tensors that it acts on where layers are taught.

    A module draws if the generator's state changes while it runs in training mode, and nothing else that is listed
    changed it; a function if it is one of torch's dropouts, outside of such a module. Attention draws for its weights.
    What a module draws for a result that reaches no output is nothing.
    """
    layers = taught_modules(model, lesson)
    own = _own_functions(model, inputs)
    drawing, noisy, rates = _drawing(model, inputs, layers, own)
    idle = idle_modules(model, inputs, drawing)
    found: list[RandomCall] = []
    behind = [""]

    def heard(name: str, kind: str, draw: Draw, given: Any) -> None:
        if draw.rate != 0 and _is_given(given):
            found.append(draw.at(name, kind, behind[-1], array_of(given)))

    def hearing(path: str, module: "torch.nn.Module") -> Any:
        def hear(_: Any, arguments: tuple) -> None:
            given = arguments[0] if arguments else None
            heard(path, type(module).__name__, _draw_of(module, given), given)

        return hear

    def function_heard(name: str, arguments: Mapping[str, Any], _: float) -> None:
        rate = next(rates, 0.0)
        given = torch_functions.acts_on(name, arguments) if rate else None
        heard(f"F.{name}", name, _known_draw(name, rate, given), given)

    without = [*_whole(layers), *_simple(model), *(module for module in drawing.values() if module not in noisy)]
    with ExitStack() as stack:
        stack.enter_context(_dropouts_heard(without, function_heard, own))  # first: what is tried below is not heard
        for path, module in layers.items():
            stack.callback(module.register_forward_pre_hook(lambda *_, path=path: behind.append(path)).remove)
        for path in drawing.keys() - idle:
            stack.callback(drawing[path].register_forward_pre_hook(hearing(path, drawing[path])).remove)
        teach(model, inputs, lesson, alone=False)
    return tuple(found)


def _is_given(tensor: Any) -> bool:
    return bool(hasattr(tensor, "numel") and tensor.numel() and tensor.is_floating_point())


def _known_draw(kind: str, rate: float | None, given: Any) -> Draw:
    """What a module of a type, or a function of a name, draws for; its channels are along the second axis."""
    drops = _DROPS.get(kind, "")
    return Draw(drops, rate, tuple(range(2, given.ndim)) if drops == "channels" and given is not None else ())


def _draw_of(module: "torch.nn.Module", given: Any) -> Draw:
    """What a module drops, and how much: as its type and its attributes say, or as a run in training shows."""
    kind, rate = type(module).__name__, rate_of(module)
    if kind in _DROPS or rate == 0 or not _is_given(given):
        return _known_draw(kind, rate, given)
    if list(module.children()) or list(module.parameters()):
        return Draw(INSIDE, rate)
    import torch

    with suppress(Exception), torch.random.fork_rng(devices=[]), torch.no_grad(), in_training(module):  # it may refuse
        many = torch.as_tensor(enough_rows(array_of(given)))
        torch.manual_seed(0)
        shown = measured(array_of(many), array_of(module.forward(many)))
        return shown if rate is None else replace(shown, rate=rate)
    return Draw(rate=rate)


def scaled_arrivals(
    model: "torch.nn.Module", inputs: Sequence[np.ndarray], lesson: Lesson, drawn: Sequence[RandomCall]
) -> dict[str, Fingerprint]:
    """What arrives at layers that are taught, and outputs, where each dropout multiplies by a factor and drops nothing.

    Attention drops as it did.
    """
    import torch

    modules = dict(model.named_modules())
    own = _own_functions(model, inputs) if any(call.name.startswith("F.") for call in drawn) else []

    class Scaling(torch.overrides.TorchFunctionMode):
        def __torch_function__(self, function, types, args=(), kwargs=None):
            name, keywords = torch_functions.called_name(function), kwargs or {}
            named = torch_functions.named_arguments(name, args, keywords) if "dropout" in name else {}
            if name in _DROPS and named.get("p") and "input" in named:
                return FACTOR * named["input"]
            return function(*args, **keywords)

    with ExitStack() as stack:
        for module in {call.name: modules[call.name] for call in drawn if call.name in modules}.values():
            stack.callback(module.register_forward_hook(lambda _, given, __: FACTOR * given[0]).remove)
        stack.enter_context(replaced(own, lambda drop, given, call: FACTOR * given))
        stack.enter_context(Scaling())
        return arrivals_of(teach(model, inputs, lesson, alone=False)) if drawn else {}


@dataclass(slots=True)
class _Frame:
    """A module that is running: the generator's state before it, whether what is listed has drawn inside it, or noise.

    Noise is what it draws by itself, whatever else is drawn.
    """

    state: "torch.Tensor"
    module: "torch.nn.Module"
    is_explained: bool = False
    is_noisy: bool = False


class _Frames(list[_Frame]):
    """Modules that are running, the innermost last."""

    def explain(self) -> None:
        """What is listed has drawn inside all of them."""
        for frame in self:
            frame.is_explained = True

    def hear_noise(self) -> None:
        """The innermost draws noise."""
        for frame in self[-1:]:
            frame.is_noisy = True


def _drawing(
    model: "torch.nn.Module",
    inputs: Sequence[np.ndarray],
    layers: Mapping[str, "torch.nn.Module"],
    own: Sequence[Dropping] = (),
) -> tuple[dict[str, "torch.nn.Module"], set["torch.nn.Module"], Iterator[float]]:
    """Modules that draw in training mode, those of them that draw noise beside what others draw, and rates of dropouts.

    The rate of each that is called outside of the former and of layers.
    """
    import torch

    drawing: dict[str, torch.nn.Module] = {}
    noisy: set[torch.nn.Module] = set()
    functions: list[tuple[float, list[torch.nn.Module]]] = []
    frames = _Frames()
    paths = {id(module): path for path, module in model.named_modules()}

    def enter(module: "torch.nn.Module", _: Any) -> None:
        frames.append(_Frame(torch.get_rng_state(), module))

    def leave(module: "torch.nn.Module", _: Any, __: Any) -> None:
        frame = frames.pop()
        if torch.equal(frame.state, torch.get_rng_state()):
            return
        is_simple = not list(module.children()) and not list(module.parameters())
        if frame.is_noisy and not is_simple:
            noisy.add(module)
        if is_simple or frame.is_noisy or not (frame.is_explained or paths[id(module)] in layers):
            drawing[paths[id(module)]] = module
        frames.explain()

    def function_heard(name: str, arguments: Mapping[str, Any], rate: float) -> None:
        frames.explain()
        functions.append((rate, [frame.module for frame in frames]))

    with (
        hooked(model.modules(), enter, leave), torch.random.fork_rng(devices=[]),
        _dropouts_heard([*_whole(layers), *_simple(model)], function_heard, own),
        in_training(model), exact(model), watching(NOISE, frames.hear_noise),
    ):  # fmt: skip
        call(model, tensors_of(model, inputs))
    inside = set(drawing.values()) - noisy
    return drawing, noisy, iter([rate for rate, around in functions if not inside & set(around)])


def _own_functions(model: "torch.nn.Module", inputs: Sequence[np.ndarray]) -> list[Dropping]:
    """Functions of anybody's that draw."""
    with exact(model):
        return dropping_functions(model, lambda: call(model, tensors_of(model, inputs)))


def _simple(model: "torch.nn.Module") -> list["torch.nn.Module"]:
    """Modules without others, which are heard as a whole."""
    return [module for module in _whole(dict(model.named_modules())) if not list(module.children())]


def _whole(layers: Mapping[str, "torch.nn.Module"]) -> list["torch.nn.Module"]:
    """Modules that are heard as a whole; attention and recurrent stacks are several layers, and draw between them."""
    import torch

    several = (torch.nn.MultiheadAttention, torch.nn.RNNBase)
    return [module for module in layers.values() if not isinstance(module, several)]


@contextmanager
def _dropouts_heard(
    without: Sequence["torch.nn.Module"],
    heard: Callable[[str, Mapping[str, Any], float], None],
    own: Sequence[Dropping] = (),
) -> Iterator[None]:
    """Tell of each call of a dropout by name, arguments and rate, torch's or own, but for those inside some modules."""
    import torch

    depth = [0]

    class Hearing(torch.overrides.TorchFunctionMode):
        def __torch_function__(self, function, types, args=(), kwargs=None):
            name, keywords = torch_functions.called_name(function), kwargs or {}
            if name in _DROPS and not depth[0]:
                named = torch_functions.named_arguments(name, args, keywords)
                for _ in range(named["layers"] - 1 if name in torch_functions.RECURRENT else 1):
                    heard(name, named, float(named["p"]) if named.get("training", True) else 0.0)
            return function(*args, **keywords)

    def deeper(by: int) -> Callable[..., None]:
        return lambda *_: depth.__setitem__(0, depth[0] + by)

    def own_heard(drop: Drop, given: Any, call: Callable[[], Any]) -> Any:
        if not depth[0]:
            heard(OWN_FUNCTIONS[drop.drops], {"input": given}, drop.rate)
        depth[0] += 1
        made = call()
        depth[0] -= 1
        return made

    with hooked(without, deeper(1), deeper(-1)), replaced(own, own_heard), Hearing():
        yield
