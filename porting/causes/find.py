"""Name the cause of a divergence: try the catalogue's hypotheses on the reference's own tensors, in float64.

What explains the port's tensor down to rounding is a cause; several that do are an ambiguity. The most specific rows
come first: a function that the port runs otherwise, then a step that it has besides, then a fit.
"""

import importlib
from collections.abc import Callable
from typing import Any

from porting.causes.trials import Witness
from porting.pairs import ModelPair
from porting.proof.judgement import Explain
from porting.proof.suspects import Suspect
from porting.records.parity import Cause
from porting.records.runs import PortRun, ReferenceRun


def explainer(pair: ModelPair, reference_model: Callable[[], Any]) -> Explain:
    """Give a function that names the causes of a suspect; the reference is built when the first one is found."""
    witness = Witness(pair, reference_model)

    def explain(suspect: Suspect, reference: ReferenceRun, port: PortRun) -> tuple[Cause, ...]:
        try:
            return _causes(witness, suspect, reference, port)
        except Exception:  # naming a cause must never cost the verdict
            return ()

    return explain


def _causes(witness: Witness, suspect: Suspect, reference: ReferenceRun, port: PortRun) -> tuple[Cause, ...]:
    """The modules that try hypotheses import torch, so they are imported when there is something to explain."""
    if suspect.divergence.where == "between":
        segments = importlib.import_module("porting.causes.segment_causes")
        return tuple(segments.segment_causes(witness, suspect, reference))
    layers = importlib.import_module("porting.causes.layer_causes")
    if suspect.divergence.seen_on == "float32":
        return tuple(layers.rounding_causes(witness, suspect, reference))
    return tuple(layers.layer_causes(witness, suspect, reference, port))
