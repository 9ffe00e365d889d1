"""Judge a port: transfer, semantics, deployed precision and training, each PASS, FAIL or NOT CHECKED."""

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace

import numpy as np

from porting.pairs.pair import ModelPair
from porting.plans.parts import whole_name
from porting.plans.plan import TransferPlan
from porting.proof.blind_spots import judge_blind_spots
from porting.proof.comparison import Comparison, chosen_rows, compare, worst_own_ratio, worst_ratio
from porting.proof.inner import is_only_inside, output_limits, rows_to_judge
from porting.proof.suspects import Suspect, find_suspects
from porting.proof.training.gradients import judge_training
from porting.proof.transfer import hash_weights, weights_back
from porting.records import parity
from porting.records.findings import find_faults, in_order, with_settings
from porting.records.parity import Divergence
from porting.records.runs import BlindSpot, PortRun, ReferenceRun
from porting.records.verdict import Evidence, LayerParity, ParityReport, Part, WorstSample
from porting.statuses import Status
from porting.traces import PARAMETER, LayerCall
from porting.wording import counted

WORST_SAMPLES = 5


Explain = Callable[[Sequence[Suspect], ReferenceRun, PortRun], tuple[Divergence, ...]]


Extend = Callable[[PortRun, ParityReport], ParityReport]
"""Adds to a report what comes of running a port's models once more."""


def unexplained(suspects: Sequence[Suspect], reference: ReferenceRun, port: PortRun) -> tuple[Divergence, ...]:
    """Name no cause: there is no reference model at hand to try hypotheses on."""
    why = "no hypothesis was tried, which needs the PyTorch checkpoint"
    return tuple(replace(suspect.divergence, untried=why) for suspect in suspects)


def judge(pair: ModelPair, reference: ReferenceRun, port: PortRun, explain: Explain = unexplained) -> ParityReport:
    """Judge a port by one run of the reference and one of the port.

    Raises
    ------
    PairError
        If the models do not return what the pair says.
    """
    compared, changed = compare(pair, reference, port), _changed_tensors(reference, port)
    suspects = find_suspects(reference, port, compared)
    training = judge_training(pair, reference, port, is_same_function=not suspects)
    is_inner = is_only_inside(pair, suspects, compared, training, reference, port)
    inner = [held.divergence for held in suspects] if is_inner else []
    explained = explain(suspects, reference, port) if suspects and not inner else ()
    divergences = in_order(tuple(with_settings(explained, port.narrow.plan)))
    only_inside = tuple(held.reference for held in inner)
    rows = list(rows_to_judge(compared.rows(), compared.rows(), only_inside))
    return ParityReport(
        pair=pair.name,
        transfer=_judge_transfer(port.narrow.plan, changed),
        changed_tensors=changed,
        semantics=_judge_semantics(compared, divergences, inner, reference, port),
        deployed=judge_deployed(rows, port.coarse, reference.why_not_explained),
        training=training.part,
        divergences=divergences,
        layers=compared.layers,
        outputs=compared.outputs,
        worst=_worst_samples(pair, reference, port),
        blind_spots=_blind_spots(reference, port),
        plan=port.narrow.plan,
        versions={**reference.versions, **port.versions},
        probe={
            "source": reference.probe.source,
            "samples": reference.probe.samples,
            "sha256": reference.probe.sha256(),
            **({"holds": reference.holds} if reference.holds else {}),
        },
        evidence=_evidence(pair, reference, port),
        gradient_errors=training.errors,
        lacks_float64=port.why_no_float64 if port.lacks_float64 else "",
        about={**dict(_about_settings(port.narrow.plan)), **training.about},
        only_inside=only_inside,
        port_layers=tuple(layer.name for layer in port.narrow.model._flatten_layers(include_self=False)),
    )


def _about_settings(plan: TransferPlan) -> Iterator[tuple[str, tuple[str, str]]]:
    """For each line on a setting that differs, the port's layer."""
    for finding in plan.settings:
        if finding.status == "differs":
            where = " in training" if finding.in_training else ""
            yield f"setting differs{where}: {finding.layer}: {finding.why}", (finding.layer, "")


def _changed_tensors(reference: ReferenceRun, port: PortRun) -> tuple[str, ...]:
    hashes = hash_weights(weights_back(port.narrow.plan, port.fetch))
    return tuple(name for name, value in hashes.items() if value != reference.weights_sha256[name])


def _judge_transfer(plan: TransferPlan, changed: Sequence[str]) -> Part:
    """Coverage is given, or there were no plan; settings and the bit-exact round trip are judged here."""
    count = len(set(map(whole_name, plan.tensors)))
    parameters = sum(math.prod(transfer.port_shape) for transfer in plan.transfers)
    lines = [f"{count} of {counted(count, 'tensor')}, {counted(parameters, 'parameter')}, covered both ways"]
    summed = [transfer.reference for transfer in plan.transfers if transfer.is_sum]
    if changed:
        some = ", ".join(changed[:3]) + (" ..." if len(changed) > 3 else "")
        lines.append(f"{counted(len(changed), 'tensor')} of the port not the checkpoint's, bit for bit: {some}")
    else:
        but = ", all but the tensors that Keras adds up" if summed else ""
        lines.append(f"port -> reference gives back the checkpoint bit for bit{but}")
    if summed:
        lines.append(f"compared as their sum, rounded to float32, which is all that Keras holds: {'; '.join(summed)}")
    lines += [*plan.told, *(f"setting differs: {difference}" for difference in plan.setting_differences)]
    if changed or plan.setting_differences:
        return Part(Status.FAIL, tuple(lines))
    if plan.settings_not_judged:
        return Part(Status.NOT_CHECKED, (*lines, *(f"no rule knows {name}" for name in plan.settings_not_judged)))
    return Part(Status.PASS, (*lines, "all settings of all layers agree"))


def _dark(reference: ReferenceRun) -> Iterator[str]:
    """Layers that see nothing but zeros: of the probe itself, or on synthetic activations, too, which wake all."""
    trace, synthetic = reference.trace, reference.synthetic_trace
    woken = zip(synthetic.call_names(), synthetic.calls, strict=True)
    awake = {name for name, call in woken if not _shows_nothing(call)}
    for number, (name, call) in enumerate(zip(trace.call_names(), trace.calls, strict=True)):
        is_given = not trace.inputs_reaching or bool(trace.inputs_reaching[number])
        if _shows_nothing(call) and (is_given or name not in awake):
            yield call.name


def _shows_nothing(call: LayerCall) -> bool:
    """Whether a layer's input is zero; token 0 is a row of a table as any other, and a parameter has no input."""
    return call.kind != PARAMETER and call.input.dtype.kind == "f" and not call.input.any()


def _judge_semantics(
    compared: Comparison,
    divergences: Sequence[Divergence],
    inner: Sequence[Divergence],
    reference: ReferenceRun,
    port: PortRun,
) -> Part:
    if port.wide is None:
        varied = tuple(_varied(reference, port))
        return Part(Status.FAIL if varied else Status.NOT_CHECKED, (port.why_no_float64, *varied))
    lines = [
        f"worst relative error {compared.worst_wide():.1e} in float64 "
        f"over {counted(len(compared.layers), 'layer call')} (limit {parity.FLOAT64_LIMIT:.0e}), "
        f"{compared.worst_own():.1e} of a layer or segment alone"
    ]
    if reference.holds:
        lines.append(f"the golden file holds {reference.holds}")
    if chosen := list(chosen_rows(reference.trace, port.wide.trace, port.wide.plan)):
        lines.append(f"compared on the probe alone, as layers choose rows of a table there: behind {', '.join(chosen)}")
    lines += [f"only inside, as every output and gradient agrees: {parity.describe_divergence(held)}" for held in inner]
    miscounted = parity.call_counts_differ(reference.trace, port.wide.trace, port.wide.plan)
    lines += miscounted
    wide = tuple(divergence for divergence in divergences if divergence.seen_on != "float32")
    lines += [finding.describe() for finding in find_faults(wide)]
    varied = list(_varied(reference, port))
    lines += varied
    if wide or miscounted or varied:
        return Part(Status.FAIL, tuple(lines))
    lines += _rounded_constants(compared, reference)
    if dark := list(_dark(reference)):
        lines.append(f"the probe shows nothing: every input of {', '.join(dark)} is zero; give another --probe")
        return Part(Status.NOT_CHECKED, tuple(lines))
    unseen = judge_blind_spots(_blind_spots(reference, port), reference.why_no_unseen)
    return Part(unseen.status, (*lines, *unseen.lines))


def _blind_spots(reference: ReferenceRun, port: PortRun) -> tuple[BlindSpot, ...]:
    """Those of layers that the port has, too: what nothing reads, a port may leave out."""
    idle = {call.name for call in reference.trace.calls} - {pair.reference for pair in port.narrow.plan.pairs}
    return tuple(spot for spot in reference.blind_spots if spot.layer not in idle)


def _rounded_constants(compared: Comparison, reference: ReferenceRun) -> Iterator[str]:
    """A note where what differs is no more than what float32 has made of the reference's constants."""
    if reference.constants.names and max(compared.worst_wide(), compared.worst_own()) > parity.FLOAT64_LIMIT:
        named = ", ".join(reference.constants.names)
        yield f"beyond it by no more than float32 has rounded the reference's own constants: {named}"


def _varied(reference: ReferenceRun, port: PortRun) -> Iterator[str]:
    """Outputs of the port that are others where it is called otherwise, or where its samples are in another batch."""
    told: set[str] = set()
    limits = tuple(output_limits(reference, port))
    for held in port.variations:
        what = held.what.removesuffix(", again")
        beyond = [error for error, limit in zip(held.errors, limits, strict=False) if error > limit]
        if what in told or not (beyond or held.failure):
            continue
        told.add(what)
        if held.failure:
            yield f"the port fails {what}: {held.failure}"
        else:
            yield f"the port's outputs are others {what}: relative error {max(beyond):.1e}; {_why_varied(held.what)}"


def _why_varied(what: str) -> str:
    if what.startswith("for "):
        return "an output depends on the batch that its sample is in"
    return "something draws, or takes the batch's statistics, although nobody trains"


def judge_deployed(rows: Sequence[LayerParity], coarse: str = "", why_not_explained: str = "") -> Part:
    """Judge float32 by the worst of all layers, alone and as the model runs, and outputs; coarser ports are not."""
    if coarse:
        line = f"the port computes in {coarse}: what is judged is float32's rounding; set its dtype policy to float32"
        return Part(Status.NOT_CHECKED, (line,))
    (name, worst), (own_name, worst_own) = worst_ratio(rows), worst_own_ratio(rows)
    status = Status.PASS if max(worst, worst_own) <= parity.RATIO_LIMIT else Status.FAIL
    own = f"{parity.plain_number(worst_own)} x of a layer alone, at {own_name}, " if own_name else ""
    line = (
        f"worst float32 error {own}{parity.plain_number(worst)} x as the model runs, at {name}, of what rounding "
        f"explains (limit {parity.RATIO_LIMIT:g}); "
        f"largest {parity.plain_number(max(row.ulp_at_scale for row in rows))} ULP at scale"
    )
    strict = f"held to the reference's own rounding alone: what other orders of sums explain {why_not_explained}"
    return Part(status, (line, *([strict] if why_not_explained else ())))


def _worst_samples(pair: ModelPair, reference: ReferenceRun, port: PortRun) -> tuple[WorstSample, ...]:
    """The samples whose float32 outputs are farthest from the reference's float64."""
    names, worst = reference.probe.names(), []
    for name, output in parity.paired_outputs(reference.trace, port.narrow.trace, pair.outputs):
        if output.reference.shape == output.port.shape and output.norms is None:
            greatest, mean = (array[: reference.probe.samples] for array in output.distances())
            order = np.argsort(greatest)[::-1][:WORST_SAMPLES]
            unit = pair.units.get(name, "")
            worst += [WorstSample(name, names[at], float(greatest[at]), float(mean[at]), unit) for at in order]
    return tuple(worst)


def _evidence(pair: ModelPair, reference: ReferenceRun, port: PortRun) -> Evidence:
    """What a report's pictures are drawn from."""
    landmarks = {
        pair.landmarks[call.reference]: (call.output.reference, call.output.port)
        for call in parity.paired_calls(reference.trace, port.narrow.trace, port.narrow.plan)
        if call.reference in pair.landmarks and call.output.norms is None
    }
    outputs = parity.paired_outputs(reference.trace, port.narrow.trace, pair.outputs)
    return Evidence(
        reference.probe.arrays,
        landmarks,
        {name: (output.reference, output.port) for name, output in outputs if output.norms is None},
        reference.probe.names(),
    )
