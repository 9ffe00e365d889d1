"""Export a converted checkpoint back to PyTorch, bit for bit in all but the tensors that Keras adds up."""

import os
from collections.abc import Mapping
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

from porting.errors import OutputError, PortFileError
from porting.evidence.certificates import broken_seal, find_certificate, stem_of
from porting.files import placement, staging
from porting.jobs.optimisers import optimiser_states
from porting.jobs.optimisers.states import OptimiserState
from porting.jobs.preparation import check_inputs, found_pair, load_frameworks
from porting.jobs.splitting import with_found_splits
from porting.pairs.finding import build_reference, read_port_sizes
from porting.pairs.pair import ModelPair, Sizes
from porting.plans.plan import TransferPlan
from porting.port import side as keras_side
from porting.port.files import file_format, read_port, read_shapes
from porting.probes import Probe
from porting.proof.inputs import draw_for
from porting.proof.runs import OnStep, plan_of, silent, trace_port, trace_with_sources
from porting.proof.transfer import weights_back
from porting.reference import side as torch_side
from porting.reference.files import write_checkpoint
from porting.reference.tensors.computed import check_none

TORCH_SUFFIXES = (".pt", ".pth", ".ckpt", ".bin")
"""What a checkpoint may be called that ``torch.save`` writes."""


def export(
    port: str | os.PathLike,
    output: str | os.PathLike,
    *,
    pair: str | ModelPair | None = None,
    with_optimiser: bool = False,
    force: bool = False,
    on_step: OnStep = silent,
) -> Path:
    """Write a port's weights as a PyTorch checkpoint in the published layout.

    Bit for bit, all but the tensors that Keras adds up: the first of them gets the sum, the others zeros.

    Parameters
    ----------
    port : path
        A converted checkpoint, fine-tuned or not.
    output : path
        The ``.pt`` file to write.
    pair : str or ModelPair, optional
        What the certificate beside the port says, or the default pair, if not given.
    with_optimiser : bool
        Write the state of the optimiser that the port is compiled with, too.
    force : bool
        Replace an existing file.
    on_step : callable
        Told what is being done.

    Raises
    ------
    InputError
        If port, pair or output cannot be used.
    PlanError
        If the port is not one of this pair.

    Examples
    --------
    >>> import keras, torch
    >>> from porting import ModelPair, convert, export
    >>> pair = ModelPair(
    ...     name="own",
    ...     reference=lambda: torch.nn.Linear(4, 2),
    ...     port=lambda: keras.Sequential([keras.Input((4,)), keras.layers.Dense(2, name="fc")]),
    ...     input_shapes=((4,),),
    ... )
    >>> torch.save(torch.nn.Linear(4, 2).state_dict(), "net.pt")
    >>> conversion = convert("net.pt", "net", pair=pair)
    >>> exported = torch.load(export("net.keras", "back.pt", pair=pair), weights_only=True)
    >>> torch.equal(exported["state_dict"]["weight"], torch.load("net.pt", weights_only=True)["weight"])
    True
    """
    path, destination = Path(port), Path(output)
    if destination.suffix not in TORCH_SUFFIXES:
        endings = ", ".join(TORCH_SUFFIXES)
        raise OutputError(f"{destination} is no name of a PyTorch checkpoint: it must end in one of {endings}.")
    check_inputs(None, path)
    placement.check_apart([destination], [path])
    placement.check_free([destination], force)
    staging.finish_moves(stem_of(path))
    certificate = find_certificate(path) or {}
    pair = found_pair(pair, path)
    load_frameworks(on_step)
    on_step("reading the port")
    model, sizes = _read_sized(path, pair, certificate, with_optimiser)
    reference, plan = _plan_back(pair, model, sizes)
    own = torch_side.arrays(reference)
    state_dict = {name: own[name] for name in plan.without_twin} | dict(
        weights_back(plan, keras_side.weight_getter(model))
    )
    unchanged = certificate and not broken_seal(path)
    beside = dict(certificate["source"]["extras"]) if unchanged else {}
    if with_optimiser:
        carried = certificate["source"].get("optimizer", {}) if unchanged else {}
        state = _optimiser_back(path, pair, model, plan, carried)
        beside |= {"optimizer": optimiser_states.as_torch(state, reference, plan), "steps_taken": state.steps_taken}
    with staging.staging(destination) as staged:
        in_order = {name: state_dict[plan.aliases.get(name, name)] for name in own}
        write_checkpoint(staged.stem, in_order, beside)
        return staged.commit()[0]


def _optimiser_back(
    path: Path, pair: ModelPair, model: Any, plan: TransferPlan, carried: Mapping[str, Any]
) -> OptimiserState:
    """The optimiser's state by the reference's names, with the settings that the checkpoint had if it is unchanged."""
    state = optimiser_states.read_port_state(path, model, optimiser_states.pair_of(pair))
    if state is None:
        raise PortFileError(f"{path} holds no optimiser's state. Leave --with-optimizer out.")
    said = {name: tuple(value) if isinstance(value, list) else value for name, value in carried.items()}
    return replace(optimiser_states.to_reference(state, plan), settings={**state.settings, **said})


def _read_sized(path: Path, pair: ModelPair, certificate: dict, with_optimiser: bool) -> tuple[Any, Sizes]:
    """A port and the sizes that it was built with: as its variables show them, or as its certificate says."""
    sizes = certificate.get("sizes", {})
    with keras_side.precision("float32"):
        try:
            if path.is_file() and file_format(path) == "safetensors":
                sizes = read_port_sizes(pair, read_shapes(path))
            model = read_port(path, pair, sizes, partial(_drawn, pair, sizes), with_optimiser=with_optimiser)
            return model, read_port_sizes(pair, keras_side.shapes(model))
        except ValueError as error:
            raise PortFileError(f"{path} is no port of pair {pair.name}: {error}.") from error


def _drawn(pair: ModelPair, sizes: Sizes) -> Probe:
    """A sample to build a port on, which needs a reference to tell of what kind."""
    return draw_for(pair, sizes, None, 1, build_reference(pair, sizes))


def _plan_back(pair: ModelPair, port: Any, sizes: Sizes) -> tuple[Any, TransferPlan]:
    """A reference of the port's sizes, with its own initial values, and the plan between the two."""
    reference = build_reference(pair, sizes)
    check_none(reference)
    probe = draw_for(pair, sizes, None, 1, reference)
    with keras_side.precision("float32"):
        port_trace = trace_port(pair, port, probe.arrays)

    def derive(found: ModelPair) -> TransferPlan:
        with torch_side.drawn_weights(reference), keras_side.precision("float32"):  # a trace holds them as they are
            reference_trace = trace_with_sources(found, reference, probe)
            return plan_of(found, reference_trace, port_trace, port, probe.arrays)

    return reference, with_found_splits(pair, derive)
