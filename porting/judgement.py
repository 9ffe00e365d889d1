"""Judge a port: transfer, semantics and deployed precision, each PASS, FAIL or NOT CHECKED."""

import hashlib
import math
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from itertools import chain
from typing import Any

import numpy as np

from porting import parity, patterns
from porting.mapper import derive_plan
from porting.pairs import ModelPair
from porting.parity import Deviation, Divergence, PairedActivation, PairedCall
from porting.plan import TransferPlan
from porting.verdict import LayerParity, ParityReport, Part, PortRun, ReferenceRun, Status


def judge(pair: ModelPair, reference: ReferenceRun, port: PortRun) -> ParityReport:
    """Judge a port by one run of the reference and one of the port.

    Raises
    ------
    PlanError
        If the two models cannot be paired.
    """
    plan = derive_plan(reference.trace, port.trace, pair.rules, pair.matches, pair.axes)
    wide = _compare_wide(pair, reference, port)
    deployed, narrow_calls, narrow_outputs = _compare_narrow(pair, reference, port, plan)
    divergence = parity.first_divergence(wide.calls, wide.outputs) if wide else None
    return ParityReport(
        pair=pair.name,
        transfer=_judge_transfer(plan, reference, port),
        semantics=_judge_semantics(
            wide, divergence, port, parity.call_counts_differ(reference.trace, port.trace, plan)
        ),
        deployed=deployed,
        first_divergence=divergence,
        layers=tuple(_layer_rows(pair, wide, narrow_calls)),
        outputs=tuple(_output_rows(wide, narrow_outputs)),
        plan=plan,
        versions={**reference.versions, **port.versions},
        probe={"source": reference.probe.source, "samples": len(reference.probe), "sha256": reference.probe.sha256()},
    )


def hash_weights(named: Iterable[tuple[str, np.ndarray]]) -> dict[str, str]:
    """Hash the type, shape and bits of each tensor, two at a time while the next one is being fetched."""
    hashes: dict[str, str] = {}
    pending: deque[tuple[str, Future[str]]] = deque()
    with ThreadPoolExecutor(2) as pool:
        for name, array in named:
            pending.append((name, pool.submit(_hash_array, array)))
            while len(pending) > 2:
                first, future = pending.popleft()
                hashes[first] = future.result()
    return hashes | {name: future.result() for name, future in pending}


def _hash_array(array: np.ndarray) -> str:
    digest = hashlib.sha256(f"{array.dtype.str}{array.shape}".encode())
    digest.update(np.ascontiguousarray(array).data)
    return digest.hexdigest()


def weights_back(
    plan: TransferPlan, fetch: Callable[[str, Callable[[Any], Any]], np.ndarray]
) -> Iterator[tuple[str, np.ndarray]]:
    """A port's variables under the reference's names and in its axis order: the plan read from right to left."""
    for transfer in plan.transfers:
        yield transfer.reference, fetch(transfer.port, partial(patterns.to_reference, pattern=transfer.pattern))


def _judge_transfer(plan: TransferPlan, reference: ReferenceRun, port: PortRun) -> Part:
    """Coverage is given, or there were no plan; settings and the bit-exact round trip are judged here."""
    hashes = hash_weights(weights_back(plan, port.fetch))
    changed = [name for name, value in hashes.items() if value != reference.weights_sha256[name]]
    count, parameters = len(plan.transfers), sum(math.prod(transfer.port_shape) for transfer in plan.transfers)
    lines = [f"{count} of {count} tensors, {parameters:,} parameters, covered both ways"]
    if changed:
        some = ", ".join(changed[:3]) + (" ..." if len(changed) > 3 else "")
        lines.append(f"{len(changed)} tensors of the port are not the checkpoint's, bit for bit: {some}")
    else:
        lines.append("port -> reference gives back the checkpoint bit for bit")
    lines += [f"setting differs: {difference}" for difference in plan.setting_differences]
    if changed or plan.setting_differences:
        return Part(Status.FAIL, tuple(lines))
    if plan.settings_not_judged:
        return Part(Status.NOT_CHECKED, (*lines, *(f"no rule knows {name}" for name in plan.settings_not_judged)))
    return Part(Status.PASS, (*lines, "all settings of all layers agree"))


@dataclass(frozen=True, slots=True)
class _WideComparison:
    """Both models' float64 activations, compared."""

    calls: tuple[tuple[PairedCall, Deviation, Deviation], ...]
    outputs: Mapping[str, Deviation]

    def worst(self) -> float:
        at_layers = (deviation.relative_error for _, *both in self.calls for deviation in both)
        return max(chain(at_layers, (deviation.relative_error for deviation in self.outputs.values())), default=0.0)


def _compare_wide(pair: ModelPair, reference: ReferenceRun, port: PortRun) -> _WideComparison | None:
    """Compare in float64, by a plan of that trace's own: Keras numbers nameless layers anew in each model."""
    if port.wide_trace is None:
        return None
    plan = derive_plan(reference.trace, port.wide_trace, pair.rules, pair.matches, pair.axes)
    calls = tuple(
        (call, call.input.deviation(), call.output.deviation())
        for call in parity.paired_calls(reference.trace, port.wide_trace, plan)
    )
    outputs = parity.paired_outputs(reference.trace, port.wide_trace, pair.outputs)
    return _WideComparison(calls, {name: output.deviation() for name, output in outputs})


def _judge_semantics(
    wide: _WideComparison | None, divergence: Divergence | None, port: PortRun, miscounted: Sequence[str]
) -> Part:
    if wide is None:
        return Part(Status.NOT_CHECKED, (port.why_no_float64,))
    lines = [
        f"worst relative error {wide.worst():.1e} in float64 over {len(wide.calls)} layer calls "
        f"(limit {parity.FLOAT64_LIMIT:.0e})"
    ]
    lines += miscounted
    if divergence:
        lines.append(_where_they_part(divergence))
    if divergence or miscounted:
        return Part(Status.FAIL, tuple(lines))
    if unseen := [call.reference for call, _, _ in wide.calls if not call.input.reference.any()]:
        lines.append(f"the probe shows nothing: every input of {', '.join(unseen)} is zero; give another --probe")
        return Part(Status.NOT_CHECKED, tuple(lines))
    return Part(Status.PASS, tuple(lines))


def _where_they_part(divergence: Divergence) -> str:
    if divergence.where == "inside":
        place = f"inside {divergence.reference}"
    elif divergence.before:
        place = f"between {divergence.before} and {divergence.reference}"
    else:
        place = f"before {divergence.reference}"
    return f"the models part {place}: relative error {divergence.error:.1e}, greatest at {divergence.place}"


@dataclass(frozen=True, slots=True)
class _NarrowFigures:
    """One float32 activation of the port against the float64 truth, beside the reference's own rounding."""

    ratio: float
    ulp_at_scale: float


def _narrow_figures(pair_of_arrays: PairedActivation, reference_rmse: float) -> _NarrowFigures:
    """No float32 result can be nearer to the truth than the truth rounded to float32."""
    truth = pair_of_arrays.reference
    rounding = parity.root_mean_square(truth.astype(np.float32) - truth)
    allowed, own = max(reference_rmse, rounding), pair_of_arrays.rmse()
    ratio = 0.0 if own == 0 else own / allowed if allowed else np.inf
    return _NarrowFigures(ratio, pair_of_arrays.deviation().relative_error / parity.FLOAT32_ULP)


def _compare_narrow(pair: ModelPair, reference: ReferenceRun, port: PortRun, plan: TransferPlan):
    own_rounding = dict(zip(reference.trace.call_names(), reference.call_rmse, strict=True))
    outputs_of_both = parity.paired_outputs(reference.trace, port.trace, pair.outputs)
    calls = [
        (call, _narrow_figures(call.output, own_rounding[call.reference]))
        for call in parity.paired_calls(reference.trace, port.trace, plan)
    ]
    outputs = {
        name: _narrow_figures(output, rmse)
        for (name, output), rmse in zip(outputs_of_both, reference.output_rmse, strict=True)
    }
    named = [*((call.reference, figures) for call, figures in calls), *outputs.items()]
    name, worst = max(named, key=lambda item: np.nan_to_num(item[1].ratio, nan=np.inf))
    status = Status.PASS if worst.ratio <= parity.RATIO_LIMIT else Status.FAIL
    line = (
        f"worst float32 error {worst.ratio:.2f} x the reference's own rounding, at {name} "
        f"(limit {parity.RATIO_LIMIT:g}); largest {max(figures.ulp_at_scale for _, figures in named):.1f} ULP at scale"
    )
    return Part(status, (line,)), calls, outputs


def _layer_rows(
    pair: ModelPair, wide: _WideComparison | None, narrow: Sequence[tuple[PairedCall, _NarrowFigures]]
) -> Iterator[LayerParity]:
    for number, (call, figures) in enumerate(narrow):
        _, at_input, at_output = wide.calls[number] if wide else (call, None, None)
        yield LayerParity(
            reference=call.reference,
            port=call.port,
            kind=call.kind,
            landmark=pair.landmarks.get(call.reference, ""),
            float64_input_error=at_input and at_input.relative_error,
            float64_output_error=at_output and at_output.relative_error,
            float32_ratio=figures.ratio,
            ulp_at_scale=figures.ulp_at_scale,
        )


def _output_rows(wide: _WideComparison | None, narrow: Mapping[str, _NarrowFigures]) -> Iterator[LayerParity]:
    for name, figures in narrow.items():
        error = wide.outputs[name].relative_error if wide else None
        yield LayerParity(name, name, "output", name, None, error, figures.ratio, figures.ulp_at_scale)
