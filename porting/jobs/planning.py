"""Derive how a checkpoint's tensors would move, and show it before anything is written."""

import os
from pathlib import Path
from typing import Any

from porting.defaults import DEFAULT_PAIR
from porting.jobs.preparation import check_inputs, found_pair, load_frameworks
from porting.jobs.splitting import with_found_splits
from porting.pairs.finding import build_port
from porting.pairs.pair import ModelPair
from porting.plans.plan import TransferPlan
from porting.port import side as keras_side
from porting.probes import Probe
from porting.proof.inputs import draw_for
from porting.proof.runs import OnStep, load_reference, plan_of, silent, trace_port, trace_with_sources
from porting.reference.files import read_checkpoint
from porting.traces import Trace


def derive_plan(
    checkpoint: str | os.PathLike, *, pair: str | ModelPair = DEFAULT_PAIR, on_step: OnStep = silent
) -> TransferPlan:
    """Derive how each tensor of a checkpoint would move, writing nothing.

    Parameters
    ----------
    checkpoint : path
        PyTorch checkpoint.
    pair : str or ModelPair
    on_step : callable
        Told what is being done.

    Returns
    -------
    TransferPlan
        One transfer per tensor. Covers every tensor of both models or is not returned.

    Raises
    ------
    InputError
        If checkpoint or pair cannot be used.
    PlanError
        If the two models cannot be paired.

    Examples
    --------
    >>> import keras, torch
    >>> from porting import ModelPair, derive_plan
    >>> pair = ModelPair(
    ...     name="own",
    ...     reference=lambda: torch.nn.Linear(4, 2),
    ...     port=lambda: keras.Sequential([keras.Input((4,)), keras.layers.Dense(2, name="fc")]),
    ...     input_shapes=((4,),),
    ... )
    >>> torch.save(torch.nn.Linear(4, 2).state_dict(), "net.pt")
    >>> for transfer in derive_plan("net.pt", pair=pair).transfers:
    ...     print(f"{transfer.reference} becomes {transfer.port}: {transfer.pattern}")
    weight becomes fc/kernel: unit feature -> feature unit
    bias becomes fc/bias: unit -> unit
    """
    check_inputs(Path(checkpoint), None)
    model_pair = found_pair(pair)
    load_frameworks(on_step)
    on_step("reading the checkpoint")
    model, sizes, _ = load_reference(model_pair, read_checkpoint(checkpoint))
    on_step("tracing both models")
    probe = draw_for(model_pair, sizes, None, 1, model)

    def derive(found: ModelPair) -> TransferPlan:
        return plan_for(found, trace_with_sources(found, model, probe), build_port(found, sizes), probe)

    with keras_side.precision("float32"), keras_side.uninitialised():
        return with_found_splits(model_pair, derive)


def plan_for(pair: ModelPair, reference: Trace, port: Any, probe: Probe) -> TransferPlan:
    """Derive a pair's plan from the reference's trace and a run of the port on one sample.

    Raises
    ------
    PlanError
        If the two models cannot be paired.
    """
    few = probe.rows(1).arrays
    return plan_of(pair, reference, trace_port(pair, port, few), port, few)
