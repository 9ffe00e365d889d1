"""LSTM, GRU and RNN of several layers, of both directions or with time first, as one layer for each of them."""

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from porting.reference.abouts import About, below, settings_of
from porting.reference.expansions import packed

if TYPE_CHECKING:
    import torch

Record = Callable[[About, Any, Callable[[Any], Any]], Any]
States = tuple["torch.Tensor", ...]


def is_stack(module: Any) -> bool:
    """Whether a recurrent module is something else than one layer in one direction, samples first."""
    return module.num_layers > 1 or module.bidirectional or not module.batch_first


def abouts(path: str, module: Any, own: Mapping[str, str]) -> tuple[About, ...]:
    """One for each layer and direction, in the order in which they run."""
    return tuple(_about(path, module, own, suffix) for suffix in _suffixes(module))


def suffix_of(about: About) -> str:
    """What the names of a layer's tensors end with: ``l0``, ``l1_reverse``."""
    return about.weights["weight_ih_l0"].rpartition(".")[2].removeprefix("weight_ih_")


def _suffixes(module: Any) -> list[str]:
    directions = ("", "_reverse") if module.bidirectional else ("",)
    return [f"l{layer}{direction}" for layer in range(module.num_layers) for direction in directions]


def _about(path: str, module: Any, own: Mapping[str, str], suffix: str) -> About:
    is_reverse, several = suffix.endswith("_reverse"), len(_suffixes(module)) > 1
    weights = {word.removesuffix(suffix) + "l0": name for word, name in own.items() if word.endswith(f"_{suffix}")}
    settings = {**settings_of(module), "num_layers": 1, "bidirectional": False, "batch_first": True, "dropout": 0.0}
    if not suffix.startswith("l0"):
        settings["input_size"] = module.hidden_size * (2 if module.bidirectional else 1)
    return About(
        below(path, suffix) if several else path, type(module).__name__, weights, settings | {"reverse": is_reverse}
    )


def forward(parts: tuple[About, ...], module: Any, record: Record) -> Callable[..., Any]:
    """What the module computes, layer by layer; same arguments, same results up to rounding."""

    def recorded(part: About, steps: "torch.Tensor", before: States, lengths: packed.Lengths) -> Any:
        output, state = record(part, steps, _one(module, part, before, lengths))
        return output, _last(part, output, state, lengths)

    return layer_by_layer(parts, module, recorded)


def layer_by_layer(parts: tuple[About, ...], module: Any, run_one: Callable[..., Any]) -> Callable[..., Any]:
    """What the module computes, where each layer in a direction is run by a function.

    `run_one` is given the layer, its steps (sample, time, feature), the states that it starts from, if any, and how
    many steps each sample has, if they are packed. It returns all that it puts out, the last step again behind a
    sample's end, as Keras has it, and the states that it ends in, each (sample, state).
    """
    import torch

    directions = 2 if module.bidirectional else 1

    def run(input: Any, hx: Any = None) -> tuple[Any, Any]:  # noqa: A002 - torch calls it so
        if isinstance(input, torch.nn.utils.rnn.PackedSequence):
            (steps, lengths), is_single = packed.unpacked(input), False
        else:
            lengths, is_single = None, input.dim() == 2
            steps = input[None] if is_single else input if module.batch_first else input.transpose(0, 1)
        states: list[tuple[torch.Tensor, ...]] = []
        for first in range(0, len(parts), directions):
            steps = torch.nn.functional.dropout(steps, module.dropout, module.training) if first else steps
            outputs = []
            for number in range(first, first + directions):
                output, state = run_one(parts[number], steps, _state(hx, number, is_single), lengths)
                outputs.append(output)
                states.append(state)
            steps = torch.cat(outputs, -1) if directions > 1 else outputs[0]
        kept = [torch.stack([state[kind] for state in states]) for kind in range(len(states[0]))]
        if lengths is not None:
            steps = packed.packed_again(steps, lengths, input)
        elif is_single:
            steps, kept = steps[0], [tensor[:, 0] for tensor in kept]
        elif not module.batch_first:
            steps = steps.transpose(0, 1)
        return steps, tuple(kept) if len(kept) > 1 else kept[0]

    return run


def _state(hx: Any, number: int, is_single: bool) -> tuple["torch.Tensor", ...]:
    """What one layer starts from: (sample, state), one tensor or two; nothing where it starts from zeros."""
    if hx is None:
        return ()
    tensors = hx if isinstance(hx, tuple) else (hx,)
    return tuple(tensor[number][None] if is_single else tensor[number] for tensor in tensors)


def _one(module: Any, about: About, before: States, lengths: packed.Lengths) -> Callable[["torch.Tensor"], Any]:
    """Run one layer in one direction; returns as a module of one layer does, in the given order of time."""
    import torch

    suffix = suffix_of(about)
    words = ["weight_ih", "weight_hh", *(["bias_ih", "bias_hh"] if module.bias else [])]
    words += ["weight_hr"] if module.proj_size else []
    function = getattr(torch._VF, module.mode.lower())

    def run(fed: "torch.Tensor") -> Any:
        weights = [getattr(module, f"{word}_{suffix}") for word in words]
        sizes = [module.proj_size or module.hidden_size, module.hidden_size][: 2 if module.mode == "LSTM" else 1]
        zeros = tuple(fed.new_zeros(len(fed), size) for size in sizes)
        start = tuple(tensor[None] for tensor in before or zeros)
        is_reverse = bool(about.settings.get("reverse"))
        if lengths is not None:
            return packed.run(function, fed, start, (weights, module.bias), lengths, is_reverse=is_reverse)
        ordered = fed.flip(1) if is_reverse else fed
        state = start if module.mode == "LSTM" else start[0]
        output, *states = function(ordered, state, weights, module.bias, 1, 0.0, False, False, True)
        output = output.flip(1) if is_reverse else output
        return output, tuple(states) if len(states) > 1 else states[0]

    return run


def _last(about: About, output: "torch.Tensor", state: Any, lengths: packed.Lengths) -> tuple["torch.Tensor", ...]:
    """The states that a layer ends in, (sample, state): the first is the last step of what it returned."""
    if lengths is not None and not about.settings.get("reverse"):
        output = packed.until_its_end(output, lengths)
    _, *others = state if isinstance(state, tuple) else (state,)
    return output[:, 0 if about.settings.get("reverse") else -1], *(tensor[0] for tensor in others)
