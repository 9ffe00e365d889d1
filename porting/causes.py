"""Name the cause of a divergence: try hypotheses on the reference's own tensors until one explains it to rounding."""

from collections.abc import Callable
from typing import Any

from porting.judgement import Explain
from porting.pairs import ModelPair


def explainer(pair: ModelPair, reference_model: Callable[[], Any]) -> Explain:
    return lambda suspect, reference, port: ()
