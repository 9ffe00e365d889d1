"""Both models' activations side by side: inherited and own errors of every layer call, in both precisions."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from itertools import chain

import numpy as np

from porting.pairs.pair import ModelPair
from porting.plans.plan import TransferPlan
from porting.records import parity
from porting.records.deviations import Deviation, relative, root_mean_square
from porting.records.parity import PairedActivation, PairedCall
from porting.records.runs import PortRun, ReferenceRun
from porting.records.verdict import LayerParity
from porting.rules.tables import Rows, Table, looks_up_by_sample
from porting.traces import Trace
from porting.traces.parking import release


@dataclass(frozen=True, slots=True)
class Sides:
    """One trace of each model, compared.

    Attributes
    ----------
    calls : Mapping
        Number of the reference's call -> the pair, and how far its input and output deviate.
    outputs : Mapping
        Output -> (both models', how far they deviate).
    unpaired : frozenset of str
        Calls of the reference without a partner, or that takes other rows: what they were given did not reach the port.
    """

    calls: Mapping[int, tuple[PairedCall, Deviation, Deviation]]
    outputs: Mapping[str, tuple[PairedActivation, Deviation]]
    unpaired: frozenset[str] = frozenset()

    def errors(self) -> Iterator[float]:
        """Relative errors of all inputs and outputs."""
        yield from (side.relative_error for _, *both in self.calls.values() for side in both)
        yield from (deviation.relative_error for _, deviation in self.outputs.values())

    def unfit(self) -> set[str]:
        """Calls whose output has another shape in the port, so that it could not be taught the reference's."""
        calls = (call for call, _, _ in self.calls.values())
        return {call.reference for call in calls if call.output.reference.shape != call.output.port.shape}

    def without_unpaired(self, reference: Trace) -> "Sides":
        """Only what no call without a partner reaches."""
        sources = dict(enumerate(reference.sources))
        outputs = dict(zip(self.outputs, reference.sources[len(reference.calls) :], strict=True))
        return Sides(
            {number: held for number, held in self.calls.items() if not self.unpaired & set(sources[number])},
            {name: held for name, held in self.outputs.items() if not self.unpaired & set(outputs[name])},
        )


def _sides(pair: ModelPair, reference: Trace, port: Trace, plan: TransferPlan) -> Sides:
    calls = {}
    for call in parity.paired_calls(reference, port, plan):
        calls[call.number] = call.forgotten(), call.input.deviation(), call.output.deviation()
        call.release()
    outputs = parity.paired_outputs(reference, port, pair.outputs)
    unpaired = {name for number, name in enumerate(reference.call_names()) if number not in calls}
    return Sides(calls, {name: (output, output.deviation()) for name, output in outputs}, frozenset(unpaired))


@dataclass(frozen=True, slots=True)
class NarrowFigures:
    """The float32 figures of a `LayerParity`."""

    float32_ratio: float
    float32_error: float
    reference_float32_error: float
    ulp_at_scale: float


def _narrow_figures(both: PairedActivation, reference_rmse: float, explained: float) -> NarrowFigures:
    """No float32 result can be nearer to the truth than the truth rounded to float32; `explained` is relative to it."""
    deviation, both = both.deviation(), both.known()
    truth = both.reference
    rounding = root_mean_square(truth.astype(np.float32) - truth)
    own, scale = both.rmse(), root_mean_square(truth) or 1.0
    allowed = parity.explained_rounding(reference_rmse, rounding, explained * scale)
    return NarrowFigures(
        relative(own, allowed),
        own / scale,
        reference_rmse / scale,
        deviation.relative_error / parity.FLOAT32_ULP,
    )


@dataclass(frozen=True, slots=True)
class Comparison:
    """Every figure of a verification, and where to look for faults.

    Attributes
    ----------
    layers, outputs : tuple of LayerParity
    inherited, own, synthetic : Sides or None
        In float64: as the models run; with every layer taught; with every layer taught synthetic activations.
    narrow : Sides or None
        With every layer taught in float32, where there is no float64.
    """

    layers: tuple[LayerParity, ...]
    outputs: tuple[LayerParity, ...]
    inherited: Sides | None
    own: Sides | None
    synthetic: Sides | None
    narrow: Sides | None = None

    def rows(self) -> tuple[LayerParity, ...]:
        """All layers, then all outputs."""
        return (*self.layers, *self.outputs)

    def worst_wide(self) -> float:
        """Greatest float64 error of the models as they run."""
        return max(self.inherited.errors(), default=0.0) if self.inherited else 0.0

    def worst_own(self) -> float:
        """Greatest float64 error of any layer or segment alone, on the probe or on synthetic activations."""
        sides = (side for side in (self.own, self.synthetic) if side)
        return max(chain.from_iterable(side.errors() for side in sides), default=0.0)


def worst_ratio(rows: Sequence[LayerParity]) -> tuple[str, float]:
    """Where the float32 error, as the whole model runs, is the greatest multiple of what is explained, and which."""
    worst = max(rows, key=lambda row: np.nan_to_num(row.float32_ratio, nan=np.inf))
    return worst.reference, worst.float32_ratio


def worst_own_ratio(rows: Sequence[LayerParity]) -> tuple[str, float]:
    """The same of layers alone; an empty name and 0 where none was run alone."""
    found = [(row.reference, row.own_float32_ratio) for row in rows if row.own_float32_ratio is not None]
    return max(found, key=lambda held: np.nan_to_num(held[1], nan=np.inf), default=("", 0.0))


def compare(pair: ModelPair, reference: ReferenceRun, port: PortRun) -> Comparison:
    """Compare all runs of both models.

    Raises
    ------
    PairError
        If the models do not return as many outputs as the pair names.
    """
    wide = port.wide
    inherited = _sides(pair, reference.trace, wide.trace, wide.plan) if wide else None
    own = _sides(pair, reference.trace, wide.taught, wide.plan) if wide and wide.taught else None
    synthetic = None
    if wide and wide.synthetic:
        whole = _sides(pair, reference.synthetic_trace, wide.synthetic, wide.plan)
        chosen = frozenset(chosen_rows(reference.trace, wide.trace, wide.plan))
        synthetic = replace(whole, unpaired=whole.unpaired | chosen).without_unpaired(reference.trace)
    wides = (inherited, own, synthetic)
    taught = port.narrow.taught
    narrow = _sides(pair, reference.trace, taught, port.narrow.plan) if taught and not wide else None
    layers, outputs = (tuple(rows(pair, reference, port, wides)) for rows in (_layer_rows, _output_rows))
    return Comparison(layers, outputs, *wides, narrow)


def chosen_rows(reference: Trace, port: Trace, plan: TransferPlan) -> Iterator[str]:
    """Calls of tables of which layers choose rows, and one model has a lookup where the other reads the table itself.

    Either takes the rows that what it is taught is nearest to, in a codebook, which are not those that were drawn.
    """
    tables = {held.reference: held for held in plan.pairs if isinstance(held.rule.window, Table)}
    by_sample = {call.name for call in port.calls if looks_up_by_sample(call)}
    for call, name, sources in zip(reference.calls, reference.call_names(), reference.sources, strict=False):
        if (held := tables.get(call.name)) is None:
            continue
        if any(sources) if isinstance(held.rule.window, Rows) else held.port in by_sample:
            yield name


Wides = tuple[Sides | None, Sides | None, Sides | None]


def _layer_rows(pair: ModelPair, reference: ReferenceRun, port: PortRun, wides: Wides) -> Iterator[LayerParity]:
    plan = port.narrow.plan
    taught = port.narrow.taught
    own_narrow = {call.number: call for call in parity.paired_calls(reference.trace, taught, plan)} if taught else {}
    for call in parity.paired_calls(reference.trace, port.narrow.trace, plan):
        measured = parity.root_mean(reference.calls_rounding[call.number])
        figures = _narrow_figures(call.output, measured, reference.explained_of(call.number).inherited)
        call.release()
        alone = own_narrow.get(call.number)
        own_ratio = _own_ratio(alone, reference) if alone else None
        release(*([alone.output.reference, alone.output.port] if alone else []))
        errors = [side.calls[call.number][1:] if side and call.number in side.calls else (None, None) for side in wides]
        inherited, own, synthetic = ([side and side.relative_error for side in both] for both in errors)
        yield LayerParity(
            reference=call.reference,
            port=call.port,
            kind=call.kind,
            landmark=pair.landmarks.get(call.reference, ""),
            sources=reference.trace.sources[call.number],
            float64_input_error=inherited[0],
            float64_output_error=inherited[1],
            own_input_error=own[0],
            own_output_error=own[1],
            synthetic_input_error=synthetic[0],
            synthetic_output_error=synthetic[1],
            own_float32_ratio=own_ratio,
            **asdict(figures),
        )


def _own_ratio(alone: PairedCall, reference: ReferenceRun) -> float:
    measured = parity.root_mean(reference.own_rounding[alone.number])
    return _narrow_figures(alone.output, measured, reference.explained_of(alone.number).alone).float32_ratio


def _output_rows(pair: ModelPair, reference: ReferenceRun, port: PortRun, wides: Wides) -> Iterator[LayerParity]:
    paired = parity.paired_outputs(reference.trace, port.narrow.trace, pair.outputs)
    for number, (name, output) in enumerate(paired):
        measured, place = parity.root_mean(reference.outputs_rounding[number]), len(reference.trace.calls) + number
        figures = _narrow_figures(output, measured, reference.explained_of(place).inherited)
        inherited, own, synthetic = (
            side.outputs[name][1].relative_error if side and name in side.outputs else None for side in wides
        )
        yield LayerParity(
            reference=name,
            port=name,
            kind="output",
            landmark=name,
            sources=reference.trace.sources[place],
            float64_input_error=None,
            float64_output_error=inherited,
            own_input_error=own,
            own_output_error=None,
            synthetic_input_error=synthetic,
            synthetic_output_error=None,
            own_float32_ratio=None,
            **asdict(figures),
        )
