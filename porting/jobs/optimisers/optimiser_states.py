"""What an optimiser carries from step to step, so that training goes on in the other framework.

PyTorch numbers parameters in the order of the model, Keras lists variables in its own; here both go by name. Moments
have their weight's axes and move as it does.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from porting.errors import CheckpointError, PairError, PortFileError, first_line
from porting.jobs.optimisers.states import OptimiserState
from porting.pairs.finding import draw_probe, resolve
from porting.pairs.pair import ModelPair, OptimiserPair, Sizes
from porting.plans.parts import divided, joined
from porting.plans.plan import TransferPlan
from porting.port import side as keras_side
from porting.port.files import file_format, read_port
from porting.reference.files import Checkpoint
from porting.wording import counted

if TYPE_CHECKING:
    import keras
    import torch


def pair_of(pair: ModelPair) -> OptimiserPair:
    """How a pair's optimisers correspond.

    Raises
    ------
    PairError
        If the pair does not say it.
    """
    if pair.optimiser is None:
        raise PairError(f"Pair {pair.name} does not say how its optimisers correspond: give its ModelPair one.")
    return pair.optimiser


def read_state(checkpoint: Checkpoint, model: "torch.nn.Module") -> OptimiserState:
    """The optimiser's state that stands beside a checkpoint's weights, by the names of the model's parameters.

    Raises
    ------
    CheckpointError
        If there is none, it is of another model, or its parameters are not all treated alike.
    """
    if not (content := checkpoint.optimizer or {}).get("state"):
        raise CheckpointError(f"{checkpoint.path} holds no optimiser's state. Leave --with-optimizer out.")
    try:
        groups = content["param_groups"]
        parameters = dict(model.named_parameters())
        names = _numbered(groups, list(parameters))
        _check_tensors({names[number]: held for number, held in content["state"].items()}, parameters)
        slots, steps = _slots(content["state"], names, checkpoint.extras.get("steps_taken"))
        return OptimiserState(steps, slots, _settings(groups))
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise CheckpointError(
            f"{checkpoint.path}: its optimiser's state cannot be moved: {first_line(error)}.\n"
            "Leave --with-optimizer out, or give the checkpoint that the optimiser was saved with."
        ) from error


def _numbered(groups: list[Mapping[str, Any]], names: list[str]) -> dict[int, str]:
    """The optimiser's number of each parameter -> the model's name of it: as it says, or in the model's order."""
    numbers = [number for group in groups for number in group["params"]]
    if len(numbers) != len(names):
        raise ValueError(f"it is of {counted(len(numbers), 'parameter')}, the model has {len(names)}")
    if all("param_names" in group for group in groups):
        return dict(zip(numbers, (name for group in groups for name in group["param_names"]), strict=True))
    if len(groups) > 1:
        raise ValueError(f"its parameters are in {counted(len(groups), 'group')}, and it does not say which are whose")
    return dict(zip(numbers, names, strict=True))


def _check_tensors(state: Mapping[str, Mapping[str, Any]], parameters: Mapping[str, Any]) -> None:
    """Refuse what does not fit the model's parameters, or would be rounded in the port."""
    if left := [name for name in parameters if name not in state]:
        raise ValueError(
            f"it has none for {', '.join(left[:3])}: these were frozen, and Keras' optimiser counts no step apart"
        )
    for name, held in state.items():
        for slot, value in held.items():
            if not getattr(value, "ndim", 0):
                continue
            if value.shape != parameters[name].shape:
                shapes = f"shape {tuple(value.shape)}, the parameter {tuple(parameters[name].shape)}"
                raise ValueError(f"its {slot} of {name} has {shapes}")
            if value.dtype != parameters[name].dtype:
                raise ValueError(f"its {slot} of {name} is {value.dtype}, the port's {parameters[name].dtype}")


def _slots(
    state: Mapping[int, Any], names: Mapping[int, str], said: int | None
) -> tuple[dict[str, dict[str, np.ndarray]], int]:
    """Quantity -> parameter -> its value; and the steps that were taken: SGD does not count them, a checkpoint may."""
    steps = {int(held["step"]) for held in state.values() if "step" in held}
    if len(steps) > 1:
        raise ValueError(f"its parameters have taken different numbers of steps: {min(steps)} to {max(steps)}")
    slots: dict[str, dict[str, np.ndarray]] = {}
    for number, held in state.items():
        for slot, value in held.items():
            if getattr(value, "ndim", 0) and slot != "step":
                slots.setdefault(slot, {})[names[number]] = value.detach().numpy()
    return slots, next(iter(steps), said or 1)  # its first step is another than the later ones


def _settings(groups: list[Mapping[str, Any]]) -> dict[str, Any]:
    """What all parameters are treated by."""
    first, *others = (
        {key: value for key, value in group.items() if key not in {"params", "param_names"}} for group in groups
    )
    differing = sorted({key for group in others for key in group if group[key] != first.get(key)})
    if differing:
        raise ValueError(f"its groups of parameters differ in {', '.join(differing)}, and Keras' optimiser has one")
    return first


def to_port(state: OptimiserState, plan: TransferPlan) -> OptimiserState:
    """A reference's state in the port's names and axis orders.

    Raises
    ------
    PairError
        If tensors with states of their own are one variable of the port.
    """
    slots = {slot: dict(_moved(held, plan)) for slot, held in state.slots.items()}
    return replace(state, slots=slots)


def _moved(held: Mapping[str, np.ndarray], plan: TransferPlan) -> Iterator[tuple[str, np.ndarray]]:
    by_name = divided({plan.aliases.get(name, name): value for name, value in held.items()}, plan.tensors)
    for transfer in plan.transfers:
        if by_name.keys() >= set(transfer.references):
            if transfer.is_sum:
                raise PairError(
                    f"{transfer.reference} are one variable of the port, and their optimiser's state is not."
                )
            yield transfer.port, transfer.to_port(by_name)


def to_reference(state: OptimiserState, plan: TransferPlan) -> OptimiserState:
    """A port's state in the reference's names and axis orders."""
    slots = {
        slot: dict(
            joined(
                named
                for transfer in plan.transfers
                if transfer.port in held
                for named in transfer.to_reference(held[transfer.port])
            )
        )
        for slot, held in state.slots.items()
    }
    return replace(state, slots=slots)


def differences(state: OptimiserState, other: OptimiserState | None, plan: TransferPlan) -> list[str]:
    """Name what of a reference's state another one does not hold bit for bit."""
    if other is None:
        return ["all of it"]
    changed = ["the steps taken"] if state.steps_taken != other.steps_taken else []
    for slot, held in state.slots.items():
        theirs = other.slots.get(slot, {})
        changed += [
            f"{slot} of {name}"
            for name, value in held.items()
            if not np.array_equal(theirs.get(plan.aliases.get(name, name), np.nan), value)
        ]
    return changed


def plain_settings(state: OptimiserState | None) -> dict[str, Any]:
    """The settings of a state that JSON can hold."""
    plain = (bool, int, float, str, type(None), tuple, list)
    return {name: value for name, value in (state.settings if state else {}).items() if isinstance(value, plain)}


def attach(state: OptimiserState, port: "keras.Model", optimisers: OptimiserPair) -> None:
    """Compile a port with an optimiser that goes on from a state.

    Raises
    ------
    PairError
        If Keras has no such optimiser, or it keeps other quantities.
    """
    try:
        optimiser = resolve(optimisers.port)(state.settings)
    except ValueError as error:
        raise PairError(
            f"This optimiser has no twin in Keras: {first_line(error)}. Leave --with-optimizer out."
        ) from error
    optimiser.build(port.trainable_variables)
    optimiser.iterations.assign(state.steps_taken)
    for slot, held in state.slots.items():
        for path, variable in _held(optimiser, slot, port, optimisers):
            variable.assign(held[path])
    port.compile(optimizer=optimiser)


def read_port_state(path: Path, port: "keras.Model", optimisers: OptimiserPair) -> OptimiserState | None:
    """The state of the optimiser that a loaded port is compiled with, by its variables; None where there is none.

    Raises
    ------
    PortFileError
        If it is of another kind than the pair's.
    """
    optimiser: Any = getattr(port, "optimizer", None)
    if optimiser is None:
        return None
    optimiser = getattr(optimiser, "inner_optimizer", optimiser)  # of one that scales losses
    try:
        settings = resolve(optimisers.settings)(optimiser)
        slots = {
            slot: {name: keras_side.array_of(variable) for name, variable in held}
            for slot, attribute in optimisers.slots.items()
            if getattr(optimiser, attribute, None) and (held := _held(optimiser, slot, port, optimisers))
        }
    except (ValueError, PairError) as error:
        raise PortFileError(f"{path}: its optimiser has no twin in PyTorch: {first_line(error)}.") from error
    return OptimiserState(int(keras_side.array_of(optimiser.iterations)), slots, settings)


def _held(optimiser: Any, slot: str, port: "keras.Model", optimisers: OptimiserPair) -> list[tuple[str, Any]]:
    """Paths of a port's trainable variables, each with what the optimiser keeps for it."""
    held = getattr(optimiser, optimisers.slots.get(slot, ""), None)
    if held is None:
        raise PairError(f"{type(optimiser).__name__} keeps no {slot}.")
    return [(variable.path, own) for variable, own in zip(port.trainable_variables, held, strict=True)]


def as_torch(state: OptimiserState, model: "torch.nn.Module", plan: TransferPlan) -> dict[str, Any]:
    """What ``load_state_dict`` of PyTorch's optimiser takes, its parameters in the model's order."""
    import torch

    names = [name for name, _ in model.named_parameters()]
    entries = {}
    for number, name in enumerate(names):
        moved = {slot: held[key] for slot, held in state.slots.items() if (key := plan.aliases.get(name, name)) in held}
        if moved:
            step = {"step": torch.tensor(float(state.steps_taken))} if "exp_avg" in moved else {}
            entries[number] = step | {slot: torch.from_numpy(value.copy()) for slot, value in moved.items()}
    return {"state": entries, "param_groups": [{**state.settings, "params": list(range(len(names)))}]}


def prove(state: OptimiserState, pair: ModelPair, sizes: Sizes, plan: TransferPlan, drafts: Sequence[Path]) -> str:
    """Reload the optimiser's state from disk, take it back, compare it with the checkpoint's bit for bit.

    Raises
    ------
    PortFileError
        If it is not the same.
    """
    path = next(path for path in drafts if file_format(path) == "keras")
    port = read_port(path, pair, sizes, partial(draw_probe, pair, sizes, None, 1), with_optimiser=True)
    held = read_port_state(path, port, pair_of(pair))
    back = to_reference(held, plan) if held else None
    if changed := differences(state, back, plan):
        raise PortFileError(
            f"{path.name} does not hold the optimiser's state bit for bit: {', '.join(changed[:3])}. "
            "Leave --with-optimizer out."
        )
    count = len({name for slot in state.slots.values() for name in slot})
    rate = f"learning rate {state.settings['lr']:g}, which is constant unless a recipe's schedule goes on"
    held = f"{', '.join(state.slots)} of {counted(count, 'parameter')}"
    return f"{held} behind step {state.steps_taken:,}, back bit for bit; {rate}"
