"""Run a model otherwise than the proof does: by other calls, on fewer samples, on samples in another order."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
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
    arrays = tuple(_far(array, generator) for array in probe.arrays)
    return Probe(arrays, f"normal numbers of {_FAR:g} times the scale of {probe.source}")


def with_far_sample(probe: Probe) -> Probe:
    """A probe whose last sample is far outside of it, most of its numbers below zero; integers stay.

    What shows on such inputs alone, as zeros in the border of a maximum where the reference has minus infinity, is then
    seen behind the input, as synthetic activations show it behind layers.
    """
    generator = np.random.default_rng(_SEED)

    def with_last(array: np.ndarray) -> np.ndarray:
        if array.dtype.kind != "f" or (array == np.round(array)).all():  # tokens, masks and lengths may be floats
            return array
        far = _far(array, generator, mean=-1.0)[-1:]
        return np.concatenate([array[:-1], np.abs(far) if array.min(initial=0.0) >= 0 else far])

    return replace(probe, arrays=tuple(map(with_last, probe.arrays)))


def _far(array: np.ndarray, generator: np.random.Generator, mean: float = 0.0) -> np.ndarray:
    if array.dtype.kind != "f":
        return generator.permutation(array.ravel()).reshape(array.shape)
    return (_FAR * (array.std() or 1.0) * (mean + generator.standard_normal(array.shape))).astype(array.dtype)


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
