"""Compare two traces layer by layer, and say where they part first."""

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace

import numpy as np

from porting.errors import PairError
from porting.plans.plan import LayerPair, TransferPlan
from porting.records.deviations import (
    FLOAT64_LIMIT,
    PairedActivation,
)
from porting.records.kept import Kept, Norms, expanded
from porting.rules import patterns
from porting.rules.unit_axes import output_to_port, with_axes_of
from porting.traces import PARAMETER, LayerCall, Trace
from porting.traces.parking import release
from porting.wording import counted

RATIO_LIMIT = 4.0
"""How many times what float32 rounding explains of the reference the port's error may be."""

EXPLAINED_LIMIT = 2.0
"""How many times the greatest error that a sum may have in any order the port's may be: right ones stay below once."""

FLOAT32_ULP = 2.0**-23


def plain_number(value: float) -> str:
    """A multiple as people read it: two or one digits behind the point, or an exponent."""
    return f"{value:.2f}" if value < 100 else f"{value:.1e}"


_COMPOUNDING = 64 * 2.0**-29
"""Inherited float64 error that rounding explains, as a share of the reference's own float32 error: 2^-29 is the ratio
of the two precisions, and rounding does not compound alike in both."""


def compounded_limit(float32_error: float, scale: float) -> float:
    """Largest relative float64 error that rounding explains where it compounds, by the reference's own in float32."""
    return max(FLOAT64_LIMIT, _COMPOUNDING * float32_error / (scale or 1.0))


def explained_rounding(own: float, truth: float, bound: float) -> float:
    """What float32 rounding explains of an error, of which `RATIO_LIMIT` times as much is allowed.

    The greatest of the reference's own error, of the truth's as it is rounded to float32, and of what leaves
    `EXPLAINED_LIMIT` times the bound of sums in any order.
    """
    return max(own, truth, bound * EXPLAINED_LIMIT / RATIO_LIMIT)


def mean_squares(array: np.ndarray) -> np.ndarray:
    """Mean of the squares in each sample: (sample, ...) -> (sample,)."""
    return np.square(array).reshape(len(array), -1).mean(axis=1) if array.size else np.zeros(1)


def root_mean(squares: np.ndarray) -> float:
    """Root mean square over samples of equal size, from the mean square in each."""
    return float(np.sqrt(squares.mean())) if squares.size else 0.0


@dataclass(frozen=True, slots=True)
class PairedCall:
    """One execution of two paired layers; `number` counts the reference's calls."""

    number: int
    reference: str
    port: str
    kind: str
    input: PairedActivation
    output: PairedActivation

    def release(self) -> None:
        """Let go of the memory of what is parked."""
        release(self.input.reference, self.input.port, self.output.reference, self.output.port)

    def forgotten(self) -> "PairedCall":
        """The same without the reference's values."""
        return replace(self, input=self.input.forgotten(), output=self.output.forgotten())


def partners(
    reference: Trace, port: Trace, plan: TransferPlan
) -> Iterator[tuple[int, LayerCall, LayerCall, LayerPair]]:
    """Both models' executions of each pair of layers, in the reference's order, with the number of the reference's.

    A layer that ran several times meets its partner call by call, or as the plan says; calls may have no partner.
    """
    pairs, theirs = {pair.reference: pair for pair in plan.pairs}, _calls_by_layer(port)
    for number, call, place in _placed(reference):
        pair = pairs.get(call.name)
        at, others = (pair.partner_of(place), theirs.get(pair.port, ())) if pair else (-1, ())
        if pair and 0 <= at < len(others):
            yield number, call, others[at], pair


def taught_partners(
    reference: Trace, port: Trace, plan: TransferPlan
) -> Iterator[tuple[int, LayerCall, LayerCall, LayerPair]]:
    """The same in the port's order, for each of its calls: one may repeat another."""
    pairs = {pair.port: pair for pair in plan.pairs}
    ours = _calls_by_layer(reference)
    numbers = {id(call): number for number, call in enumerate(reference.calls)}
    for _, call, place in _placed(port):
        pair = pairs.get(call.name)
        at, others = (pair.own_of(place), ours.get(pair.reference, ())) if pair else (-1, ())
        if pair and 0 <= at < len(others):
            yield numbers[id(others[at])], others[at], call, pair


def _calls_by_layer(trace: Trace) -> dict[str, list[LayerCall]]:
    found: dict[str, list[LayerCall]] = {}
    for call in trace.calls:
        found.setdefault(call.name, []).append(call)
    return found


def _placed(trace: Trace) -> Iterator[tuple[int, LayerCall, int]]:
    """Each call with its number, and its place among its layer's calls."""
    counts: Counter[str] = Counter()
    for number, call in enumerate(trace.calls):
        yield number, call, counts[call.name]
        counts[call.name] += 1


def paired_calls(reference: Trace, port: Trace, plan: TransferPlan) -> Iterator[PairedCall]:
    """Both models' inputs and outputs of each pair of layers, in the reference's order, one axis order for both."""
    names, port_names = reference.call_names(), dict(zip(map(id, port.calls), port.call_names(), strict=True))
    for number, ours, theirs, pair in partners(reference, port, plan):
        window, calls = pair.rule.window, (ours, theirs)
        moved_input = patterns.to_port(expanded(ours.input), pair.input_axes, named=f"the input of {names[number]}")
        moved_output = patterns.to_port(expanded(ours.output), pair.output_axes, named=f"the output of {names[number]}")
        inputs = window.inputs(moved_input, theirs.input, calls)
        outputs = window.outputs(moved_output, theirs.output, calls)
        yield PairedCall(
            number,
            names[number],
            port_names[id(theirs)],
            f"{ours.kind} -> {theirs.kind}",
            _paired(*inputs, pair.input_axes, ours.input),
            _paired(*outputs, pair.output_axes, ours.output),
        )


def _paired(reference: np.ndarray, port: np.ndarray, axes: str, kept: np.ndarray | Kept) -> PairedActivation:
    if reference is port and isinstance(kept, Kept):  # a window says that there is nothing to compare
        known = np.nan_to_num(reference)
        return PairedActivation(known, known, axes)
    return PairedActivation(with_axes_of(reference, port.shape), port, axes, _norms(kept, reference.size))


def _norms(kept: np.ndarray | Kept, size: int) -> Norms | None:
    """The norms of what was kept; unknown where a window has cut some of it off, but for the greatest."""
    if not isinstance(kept, Kept):
        return None
    return kept.norms if kept.size == size else Norms(kept.norms.greatest, np.nan, np.nan)


def call_counts_differ(reference: Trace, port: Trace, plan: TransferPlan) -> list[str]:
    """Name the pairs of layers that did not run equally often; one that never did is used by functions.

    A variable that functions read is recorded where they first do, however often they do.
    """
    ours = Counter(call.name for call in reference.calls)
    read = {call.name for call in port.calls if call.kind == PARAMETER}
    theirs = Counter(call.name for call in port.calls)
    return [
        f"{pair.reference} ran {counted(ours[pair.reference], 'time')}, "
        f"{pair.port} {counted(theirs[pair.port], 'time')}"
        for pair in plan.pairs
        if not pair.calls and ours[pair.reference] != theirs[pair.port] and ours[pair.reference] and theirs[pair.port]
        if pair.port not in read
    ]


def paired_outputs(reference: Trace, port: Trace, axes: Mapping[str, str]) -> Iterator[tuple[str, PairedActivation]]:
    """Both models' outputs under their names."""
    for (name, pattern), ours, theirs in zip(axes.items(), reference.outputs, port.outputs, strict=True):
        yield name, paired_output(ours, theirs, pattern, f"the output {name}")


def paired_output(reference: np.ndarray, port: np.ndarray, pattern: str, named: str = "an output") -> PairedActivation:
    """One output of both models, in the port's axis order."""
    moved = output_to_port(expanded(reference), pattern, port.shape, named=named)
    return PairedActivation(moved, port, pattern, _norms(reference, moved.size))


def check_output_counts(reference: Trace, port: Trace, axes: Mapping[str, str]) -> None:
    """Check that both models return what the pair names.

    Raises
    ------
    PairError
        If they do not return as many outputs.
    """
    counts = {"reference": len(reference.outputs), "port": len(port.outputs), "pair": len(axes)}
    if len(set(counts.values())) > 1:
        listed = ", ".join(f"the {name} {count}" for name, count in counts.items())
        raise PairError(f"Different numbers of outputs: {listed}. Name each in the pair's outputs.")


@dataclass(frozen=True, slots=True)
class Cause:
    """A hypothesis about a divergence that explains it down to rounding.

    Attributes
    ----------
    name : str
        What the port does, as the catalogues of `porting.causes` have it.
    detail : str
        Where and how, for this divergence.
    remedy : str
        What to change, in one line.
    error : float or None
        Relative error between the port and the reference changed in this way; None where nothing was run, because the
        audit of settings names it.
    """

    name: str
    detail: str
    remedy: str
    error: float | None


@dataclass(frozen=True, slots=True)
class Divergence:
    """A layer, or a segment between layers, that is wrong by itself: the reference's own tensors went in.

    Attributes
    ----------
    reference, port : str
        Paths of the layer, or of the output, at which the models part; `where` says whether inside it or before it.
    before : str
        The layers whose outputs reach it, by their reference paths; empty where it is the model's input.
    where : str
        "inside" or "between".
    error : float
        Relative error there.
    place : str
        Where in the activation the error is greatest.
    seen_on : str
        "probe", or "synthetic activations" where the probe does not show it.
    causes : tuple of Cause
        What explains it; ambiguous where there are several, unexplained where there are none.
    untried : str
        What the search for causes did not get to, in words; empty where it came to its end.
    """

    reference: str
    port: str
    before: str
    where: str
    error: float
    place: str
    seen_on: str = "probe"
    causes: tuple[Cause, ...] = ()
    untried: str = ""


def describe_divergence(divergence: Divergence) -> str:
    """Where two models part, in a line."""
    if divergence.where == "inside":
        place = f"inside {divergence.reference}"
    elif divergence.before:
        place = f"between {divergence.before} and {divergence.reference}"
    else:
        place = f"before {divergence.reference}"
    seen = "" if divergence.seen_on == "probe" else f", on {divergence.seen_on}"
    error = f"{divergence.error:.1e}"
    return f"the models part {place}: relative error {error}, greatest at {divergence.place}{seen}"
