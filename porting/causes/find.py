"""Name the causes of divergences: try the catalogue's hypotheses on the reference's own tensors, in float64.

What explains the port's tensor down to rounding is a cause; several that do are an ambiguity. The most specific rows
come first: a function that the port runs otherwise, then a step that it has besides, then a fit. All of it ends after
the seconds that the user gives.
"""

import importlib
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from porting.causes.patience import Patience, silent
from porting.causes.trials import Witness
from porting.defaults import PATIENCE_SECONDS
from porting.pairs.pair import ModelPair
from porting.plans.partners.proving import AGREES
from porting.proof.judgement import Explain
from porting.proof.suspects import Suspect
from porting.records.findings import kind_of
from porting.records.parity import Cause, Divergence
from porting.records.runs import PortRun, ReferenceRun


def explainer(
    pair: ModelPair,
    reference_model: Callable[[], Any],
    checkpoint: Callable[[], Mapping[str, np.ndarray]] = dict,
    seconds: float = PATIENCE_SECONDS,
    on_step: Callable[..., None] = silent,
    clock: Callable[[], float] = time.monotonic,
) -> Explain:
    """Give a function that names the causes of suspects.

    Parameters
    ----------
    pair : ModelPair
    reference_model, checkpoint : callable
        Build the reference, and read the checkpoint's tensors, when the first suspect is found.
    seconds : float
        For all suspects of a verdict together.
    on_step : callable
        Told what is being tried.
    clock : callable
        Counts the seconds.
    """
    witness = Witness(pair, reference_model, checkpoint, Patience(seconds, on_step, clock))

    def explain(suspects: Sequence[Suspect], reference: ReferenceRun, port: PortRun) -> tuple[Divergence, ...]:
        return tuple(
            _explained(witness, suspect, reference, port, others=len(suspects) - number)
            for number, suspect in enumerate(suspects, start=1)
        )

    return explain


def _explained(witness: Witness, suspect: Suspect, reference: ReferenceRun, port: PortRun, others: int) -> Divergence:
    """A divergence with its causes, and with what was not tried because the time was over."""
    patience = witness.patience
    patience.begin(others)
    try:
        causes = _causes(witness, suspect, reference, port)
    except Exception:  # naming a cause must never cost the verdict
        causes = ()
    finally:
        patience.end()
    witness.named |= {kind_of(cause.name, cause.detail) for cause in causes}
    untried = " and ".join(patience.untried)
    note = f"no time was left for {untried}: --patience SECONDS gives more than {patience.seconds:g}" if untried else ""
    return replace(suspect.divergence, causes=causes, untried=note)


def _causes(witness: Witness, suspect: Suspect, reference: ReferenceRun, port: PortRun) -> tuple[Cause, ...]:
    """The modules that try hypotheses import torch, so they are imported when there is something to explain."""
    if suspect.divergence.where == "between":
        segments = importlib.import_module("porting.causes.segment_causes")
        return tuple(segments.segment_causes(witness, suspect, reference))
    layers = importlib.import_module("porting.causes.layer_causes")
    is_narrow = suspect.divergence.seen_on == "float32"
    rounded = tuple(layers.rounding_causes(witness, suspect, reference)) if is_narrow else ()
    if rounded or (is_narrow and suspect.divergence.error <= AGREES):
        return rounded
    return tuple(layers.layer_causes(witness, suspect, reference, port))
