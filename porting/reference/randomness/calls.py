"""What a torch model draws in training, and on what. `port.randomness` has the same of a Keras model."""

from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack, suppress
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np

from porting.calls import functions_handed
from porting.drops import replaced
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
from porting.reference.gradients import in_training
from porting.reference.randomness.drawing import drawing_in, own_functions, simple, whole
from porting.reference.randomness.heard import DROPS, dropouts_heard
from porting.reference.runs import teach
from porting.reference.side import array_of
from porting.reference.structure import taught_modules
from porting.traces import Lesson

if TYPE_CHECKING:
    import torch


def random_calls(model: "torch.nn.Module", inputs: Sequence[np.ndarray], lesson: Lesson) -> tuple[RandomCall, ...]:
    """List what draws in training, in execution order, with the tensors that it acts on where layers are taught.

    A module draws if the generator's state changes while it runs in training mode, and nothing else that is listed
    changed it; a function if it is one of torch's dropouts, outside of such a module. Attention draws for its weights.
    What a module draws for a result that reaches no output is nothing.
    """
    layers = taught_modules(model, lesson)
    own = own_functions(model, inputs)
    draws = drawing_in(model, inputs, layers, own)
    rates = iter(draws.rates)
    idle = idle_modules(model, inputs, draws.modules)
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

    without = [*whole(layers), *simple(model), *({*draws.modules.values()} - draws.themselves)]
    with ExitStack() as stack:
        stack.enter_context(dropouts_heard(without, function_heard, own))  # first: what is tried below is not heard
        for path, module in layers.items():
            stack.callback(module.register_forward_pre_hook(lambda *_, path=path: behind.append(path)).remove)
        for path in draws.modules.keys() - idle:
            stack.callback(draws.modules[path].register_forward_pre_hook(hearing(path, draws.modules[path])).remove)
        teach(model, inputs, lesson, alone=False)
    return tuple(found)


def _is_given(tensor: Any) -> bool:
    return bool(hasattr(tensor, "numel") and tensor.numel() and tensor.is_floating_point())


def _known_draw(kind: str, rate: float | None, given: Any) -> Draw:
    """What a module of a type, or a function of a name, draws for; its channels are along the second axis."""
    drops = DROPS.get(kind, "")
    return Draw(drops, rate, tuple(range(2, given.ndim)) if drops == "channels" and given is not None else ())


def _draw_of(module: "torch.nn.Module", given: Any) -> Draw:
    """What a module drops, and how much: as its type and its attributes say, or as a run in training shows."""
    kind, rate = type(module).__name__, rate_of(module)
    if kind in DROPS or rate == 0 or not _is_given(given):
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
    modules = dict(model.named_modules())
    own = own_functions(model, inputs) if any(call.name.startswith("F.") for call in drawn) else []

    def scale(function: Callable[..., Any], args: tuple, keywords: Mapping[str, Any]) -> Any:
        name = torch_functions.called_name(function)
        named = torch_functions.named_arguments(name, args, keywords) if "dropout" in name else {}
        if name in DROPS and named.get("p") and "input" in named:
            return FACTOR * named["input"]
        return function(*args, **keywords)

    with ExitStack() as stack:
        for module in {call.name: modules[call.name] for call in drawn if call.name in modules}.values():
            stack.callback(module.register_forward_hook(lambda _, given, __: FACTOR * given[0]).remove)
        stack.enter_context(replaced(own, lambda drop, given, call: FACTOR * given))
        stack.enter_context(functions_handed(scale))
        return arrivals_of(teach(model, inputs, lesson, alone=False)) if drawn else {}
