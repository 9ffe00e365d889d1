"""LSTM, GRU and RNN step by step, as one cell for each layer and direction: the port steps through time by hand."""

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from porting.reference.abouts import About
from porting.reference.expansions import packed, stacks

if TYPE_CHECKING:
    import torch

_FUNCTIONS = {"LSTM": "lstm_cell", "GRU": "gru_cell", "RNN_TANH": "rnn_tanh_cell", "RNN_RELU": "rnn_relu_cell"}


def is_stepped(module: Any, unrolled: Sequence[str]) -> bool:
    """Whether a recurrent module is to run step by step; a cell has no projection of its state."""
    return type(module).__name__ in unrolled and not module.proj_size


def abouts(path: str, module: Any, own: Mapping[str, str]) -> tuple[About, ...]:
    """The cell of each layer and direction, in the order in which they run."""
    return tuple(_cell(about, module) for about in stacks.abouts(path, module, own))


def _cell(about: About, module: Any) -> About:
    weights = {word.removesuffix("_l0"): name for word, name in about.weights.items()}
    settings = {name: about.settings[name] for name in ("input_size", "hidden_size", "bias")}
    if module.mode.startswith("RNN"):
        settings["nonlinearity"] = module.nonlinearity
    return About(about.name, f"{type(module).__name__}Cell", weights, settings)


def forward(parts: tuple[About, ...], module: Any, record: stacks.Record) -> Callable[..., Any]:
    """What the module computes, step by step; same arguments, same results up to rounding."""
    import torch

    def recorded(part: About, steps: "torch.Tensor", before: stacks.States, lengths: packed.Lengths) -> Any:
        state = before or _zeros(module, steps)
        outputs: list[torch.Tensor] = []
        is_reverse = part.weights["weight_ih"].endswith("_reverse")
        for at in reversed(range(steps.shape[1])) if is_reverse else range(steps.shape[1]):
            after = record(part, steps[:, at], _one_step(module, part, state))
            after = after if isinstance(after, tuple) else (after,)
            state = after if lengths is None else packed.held(state, after, at < lengths)
            outputs.append(state[0])
        return torch.stack(outputs[::-1] if is_reverse else outputs, 1), state

    return stacks.layer_by_layer(parts, module, recorded)


def _zeros(module: Any, steps: "torch.Tensor") -> tuple["torch.Tensor", ...]:
    count = 2 if module.mode == "LSTM" else 1
    return tuple(steps.new_zeros(len(steps), module.hidden_size) for _ in range(count))


def _one_step(module: Any, about: About, state: tuple["torch.Tensor", ...]) -> Callable[["torch.Tensor"], Any]:
    """Run a cell once, from a state: it returns what torch's own cell of that type does."""
    import torch

    function = getattr(torch._VF, _FUNCTIONS[module.mode])
    names = (about.weights.get(word) for word in ("weight_ih", "weight_hh", "bias_ih", "bias_hh"))

    def run(fed: "torch.Tensor") -> Any:
        weights = [getattr(module, name.rpartition(".")[2]) if name else None for name in names]
        return function(fed, state if module.mode == "LSTM" else state[0], *weights)

    return run
