"""Which modules of a torch model draw in training, and whether anything follows from what they draw themselves."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from porting.drops import Dropping, dropping_functions
from porting.reference.exact import exact
from porting.reference.gradients import in_training
from porting.reference.randomness import generator
from porting.reference.randomness.heard import Inside, dropouts_heard, is_bare, own_draws_heard
from porting.reference.side import call, hooked, tensors_of

if TYPE_CHECKING:
    import numpy as np
    import torch


@dataclass(frozen=True, slots=True)
class Drawing:
    """What draws in training mode.

    Attributes
    ----------
    modules : dict of str to torch.nn.Module
        Path -> module that draws, where nothing that is listed apart does so for it.
    themselves : set of torch.nn.Module
        Those of them whose own code draws, whatever draws inside them besides.
    rates : sequence of float
        Of each dropout that is called outside of the former and of layers.
    from_others : bool
        Whether anything was drawn from Python's generator, or numpy's.
    """

    modules: "dict[str, torch.nn.Module]"
    themselves: "set[torch.nn.Module]"
    rates: Sequence[float]
    from_others: bool = False


@dataclass(slots=True)
class _Frame:
    """A module that is running: the generators before it, and whether what is listed, or its own code, drew inside it.

    Its own code does by functions that are no dropouts, and from the generators of Python and numpy.
    """

    module: "torch.nn.Module"
    before: "torch.Tensor" = field(default_factory=generator.state)
    others_before: Any = field(default_factory=generator.others)
    is_explained: bool = False
    draws_itself: bool = False


class _Frames(list[_Frame]):
    """Modules that are running, the innermost last."""

    has_heard_others = False

    def explain(self) -> None:
        """What is listed has drawn inside all of them."""
        for frame in self:
            frame.is_explained = True

    def hear_others(self) -> None:
        """The innermost draws itself where Python's generator, or numpy's, has moved since one began or ended."""
        now = generator.others()
        if self and self[-1].others_before != now:
            self.has_heard_others = True
            self.hear_own()
        for frame in self:
            frame.others_before = now

    def hear_own(self) -> None:
        """The innermost draws itself."""
        for frame in self[-1:]:
            frame.draws_itself = True


def drawing_in(
    model: "torch.nn.Module",
    inputs: "Sequence[np.ndarray]",
    layers: "Mapping[str, torch.nn.Module]",
    own: Sequence[Dropping] = (),
) -> Drawing:
    """What draws in training; what modules draw by themselves is nothing where nothing follows from it."""
    found = _drawing(model, inputs, layers, own)
    if found.themselves and not _something_follows(model, inputs, own, MOST_SEEDS if found.from_others else 1):
        return _drawing(model, inputs, layers, own, follows=False)
    return found


def _drawing(
    model: "torch.nn.Module",
    inputs: "Sequence[np.ndarray]",
    layers: "Mapping[str, torch.nn.Module]",
    own: Sequence[Dropping],
    follows: bool = True,
) -> Drawing:
    import torch

    drawing: dict[str, torch.nn.Module] = {}
    themselves: set[torch.nn.Module] = set()
    functions: list[tuple[float, list[torch.nn.Module]]] = []
    frames, inside = _Frames(), Inside()
    paths = {id(module): path for path, module in model.named_modules()}

    def enter(module: "torch.nn.Module", _: Any) -> None:
        frames.hear_others()
        frames.append(_Frame(module))

    def leave(module: "torch.nn.Module", _: Any, __: Any) -> None:
        frames.hear_others()
        frame = frames.pop()
        draws_itself = frame.draws_itself and follows
        if not draws_itself and torch.equal(frame.before, generator.state()):
            return
        if draws_itself and not is_bare(module):
            themselves.add(module)
        if is_bare(module) or draws_itself or not (frame.is_explained or paths[id(module)] in layers):
            drawing[paths[id(module)]] = module
        frames.explain()

    def function_heard(name: str, arguments: Mapping[str, Any], rate: float) -> None:
        frames.explain()
        functions.append((rate, [frame.module for frame in frames]))

    def own_heard(drawn: Any) -> Any:
        (frames.hear_own if follows else frames.explain)()
        return drawn

    without = [*whole(layers), *simple(model)]
    heard = dropouts_heard(without, function_heard, own, inside), own_draws_heard(model, inside, own_heard)
    with hooked(model.modules(), enter, leave), heard[0], heard[1]:
        _train_once(model, inputs)
    apart = set(drawing.values()) - themselves
    rates = [rate for rate, around in functions if not apart & set(around)]
    return Drawing(drawing, themselves, rates, frames.has_heard_others)


def _train_once(
    model: "torch.nn.Module", inputs: "Sequence[np.ndarray]", seed_of_others: int = 0
) -> "tuple[torch.Tensor, ...]":
    with generator.seeded(0, seed_of_others), in_training(model), exact(model):
        return call(model, tensors_of(model, inputs))


_GREATEST = 1 - 2.0**-20
"""Of what is drawn evenly below 1, whatever the precision."""
MOST_SEEDS = 20
"""Of the generators of Python and numpy that are tried before nothing is said to follow from them."""


def _something_follows(
    model: "torch.nn.Module", inputs: "Sequence[np.ndarray]", own: Sequence[Dropping], seeds: int
) -> bool:
    """Whether a model gives other values in training where what modules' own code draws is another, and all else alike.

    From torch's generator the least and the greatest, from others what follows so many seeds.
    """
    inside = Inside()

    def outputs(drawn: float | None, seed: int) -> "tuple[torch.Tensor, ...]":
        def instead(made: Any) -> Any:
            return made if drawn is None else made.fill_(drawn)

        with dropouts_heard([], lambda *_: None, own, inside), own_draws_heard(model, inside, instead):
            return _train_once(model, inputs, seed)

    from torch import equal

    try:
        first = outputs(None, 0)
        for drawn, seed in ((0.0, 0), (_GREATEST, 0), *((None, seed) for seed in range(1, seeds))):
            others = outputs(drawn, seed)
            if not all(map(equal, first, others)):
                return True
    except Exception:  # code of anybody's raises what it likes where all is left out
        return True
    return False


def own_functions(model: "torch.nn.Module", inputs: "Sequence[np.ndarray]") -> list[Dropping]:
    """Functions of anybody's that draw."""
    with exact(model):
        return dropping_functions(model, lambda: call(model, tensors_of(model, inputs)))


def simple(model: "torch.nn.Module") -> list["torch.nn.Module"]:
    """Modules without others, which are heard as a whole."""
    return [module for module in whole(dict(model.named_modules())) if not list(module.children())]


def whole(layers: "Mapping[str, torch.nn.Module]") -> list["torch.nn.Module"]:
    """Modules that are heard as a whole; attention and recurrent stacks are several layers, and draw between them."""
    import torch

    several = (torch.nn.MultiheadAttention, torch.nn.RNNBase)
    return [module for module in layers.values() if not isinstance(module, several)]
