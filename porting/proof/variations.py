"""Run a model otherwise than the proof does: by other calls, on fewer samples, on samples in another order."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from porting.errors import first_line
from porting.probes import Probe
from porting.records.parity import PairedActivation
from porting.records.runs import Variation

Run = Callable[[Sequence[np.ndarray]], Sequence[np.ndarray]]
"""Runs a model on inputs, (sample, ...) each: its outputs."""

_SEED = 20230117
_FAR = 8.0

BATCHES: dict[str, slice] = {
    "for one sample alone": slice(1),
    "for three samples": slice(3),
    "for its samples in another order": slice(None, None, -1),
}
"""What is said of a batch -> the samples that are in it."""


def vary_batches(run: Run, inputs: Sequence[np.ndarray], whole: Sequence[np.ndarray]) -> Iterator[Variation]:
    """Run a model on other batches of the same samples: outputs that follow the samples alone stay as the `whole`'s."""
    for what, chosen in BATCHES.items():
        wanted = [output[chosen] if output.ndim and len(output) == len(inputs[0]) else None for output in whole]
        yield _variation(what, lambda chosen=chosen: run([array[chosen] for array in inputs]), wanted)


def vary_calls(
    others: Mapping[str, Run], inputs: Sequence[np.ndarray], wanted: Sequence[np.ndarray]
) -> Iterator[Variation]:
    """Run a model by other calls than the proof's, each twice: what it draws, nobody draws again."""
    for what, other in others.items():
        yield _variation(what, lambda other=other: other(inputs), wanted)
        yield _variation(f"{what}, again", lambda other=other: other(inputs), wanted)


def far_probe(probe: Probe) -> Probe:
    """Normal numbers many times as large as a probe's own; integers in another order."""
    generator = np.random.default_rng(_SEED)

    def drawn(array: np.ndarray) -> np.ndarray:
        if array.dtype.kind != "f":
            return generator.permutation(array.ravel()).reshape(array.shape)
        return (_FAR * (array.std() or 1.0) * generator.standard_normal(array.shape)).astype(array.dtype)

    return Probe(tuple(map(drawn, probe.arrays)), f"normal numbers of {_FAR:g} times the scale of {probe.source}")


def _variation(what: str, run: Callable[[], Sequence[np.ndarray]], wanted: Sequence[np.ndarray | None]) -> Variation:
    try:
        outputs = run()
    except Exception as error:  # frameworks and models raise what they like
        return Variation(what, (), first_line(error))
    return Variation(what, tuple(_error(*both) for both in zip(wanted, outputs, strict=False)), "")


def _error(wanted: Any, found: np.ndarray) -> float:
    if wanted is None or wanted.dtype.kind != "f":
        return 0.0 if wanted is None or np.array_equal(wanted, found) else np.inf
    return PairedActivation(wanted, found, "... -> ...").deviation().relative_error
