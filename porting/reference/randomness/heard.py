"""What a torch model draws, as it is heard: calls of dropouts, torch's and anybody's, and whatever else draws."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from porting.calls import functions_handed
from porting.drops import Drop, Dropping, replaced
from porting.reference import functions as torch_functions
from porting.reference.randomness import generator
from porting.reference.side import hooked

if TYPE_CHECKING:
    import torch

DROPS = {
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


def is_bare(module: "torch.nn.Module") -> bool:
    """Whether a module has neither others nor weights."""
    return not list(module.children()) and not list(module.parameters())


class Inside:
    """How many of the calls that are heard as a whole are running."""

    def __init__(self) -> None:
        self.count = 0

    def enter(self, *_: Any) -> None:
        """One begins."""
        self.count += 1

    def leave(self, *_: Any) -> None:
        """One ends."""
        self.count -= 1


@contextmanager
def dropouts_heard(
    without: Sequence["torch.nn.Module"],
    heard: Callable[[str, Mapping[str, Any], float], None],
    own: Sequence[Dropping] = (),
    inside_own: Inside | None = None,
) -> Iterator[None]:
    """Tell of each call of a dropout by name, arguments and rate, torch's or own, but for those inside some modules."""
    depth, inside_own = Inside(), inside_own or Inside()

    def hear(function: Callable[..., Any], args: tuple, keywords: Mapping[str, Any]) -> Any:
        name = torch_functions.called_name(function)
        if name in DROPS and not depth.count:
            named = torch_functions.named_arguments(name, args, keywords)
            for _ in range(named["layers"] - 1 if name in torch_functions.RECURRENT else 1):
                heard(name, named, float(named["p"]) if named.get("training", True) else 0.0)
        return function(*args, **keywords)

    def own_heard(drop: Drop, given: Any, call: Callable[[], Any]) -> Any:
        if not depth.count:
            heard(OWN_FUNCTIONS[drop.drops], {"input": given}, drop.rate)
        depth.enter()
        inside_own.enter()
        made = call()
        inside_own.leave()
        depth.leave()
        return made

    with hooked(without, depth.enter, depth.leave), replaced(own, own_heard), functions_handed(hear):
        yield


@contextmanager
def own_draws_heard(model: "torch.nn.Module", inside: Inside, heard: Callable[[Any], Any]) -> Iterator[None]:
    """Let what functions of torch that are no dropouts draw be something else, but in bare modules and inside some.

    Parameters
    ----------
    model : torch.nn.Module
    inside : Inside
        Calls whose draws are heard as a whole.
    heard : callable
        Given what was drawn: what to go on with.
    """
    import torch

    def hear(function: Callable[..., Any], args: tuple, keywords: Mapping[str, Any]) -> Any:
        before = generator.state()
        made = function(*args, **keywords)
        is_own = not inside.count and torch_functions.called_name(function) not in DROPS
        return heard(made) if is_own and not torch.equal(before, generator.state()) else made

    bare = [module for module in model.modules() if is_bare(module)]
    with hooked(bare, inside.enter, inside.leave), functions_handed(hear):
        yield
