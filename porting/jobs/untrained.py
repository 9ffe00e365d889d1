"""See what a checkpoint's own values hide, as those of an untrained one do: both models run with drawn ones instead."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from porting.causes.find import explainer
from porting.errors import PortingError, first_line
from porting.pairs.pair import ModelPair
from porting.plans.parts import whole_name
from porting.proof.blind_spots import judge_blind_spots
from porting.proof.judgement import Explain, Extend, judge
from porting.proof.port_runs import run_again
from porting.proof.runs import OnStep, load_reference, run_reference
from porting.proof.transfer import hash_weights
from porting.records.runs import BlindSpot, PortRun, ReferenceRun
from porting.records.verdict import ParityReport, Part
from porting.reference import side as torch_side
from porting.reference.files import read_checkpoint
from porting.statuses import Status
from porting.wording import counted
from porting.writing.trained import randomise


def then_drawn(
    extend: Extend, pair: ModelPair, checkpoint: Path, reference: ReferenceRun, patience: float, on_step: OnStep
) -> Extend:
    """Extend a report, then judge the port once more with drawn values in the place of those that hide a fault.

    The port's models keep the drawn values. The verdict stays as it is where nothing is hidden.

    Parameters
    ----------
    extend : callable
        What comes first.
    pair, checkpoint, reference
        What the port was judged by.
    patience : float
        Seconds to search for the causes of a FAIL at most.
    on_step : callable
        Told what is being done.
    """

    def extended(run: PortRun, report: ParityReport) -> ParityReport:
        report = extend(run, report)
        hidden, unseen = _hidden_by(report.blind_spots), judge_blind_spots(report.blind_spots, "").lines
        is_all_else_seen = report.semantics.lines[-len(unseen) :] == unseen
        if run.wide is None or not hidden or not is_all_else_seen:
            return report
        on_step("proving with drawn values what the checkpoint's own hide")

        def drawn() -> Any:
            return randomise(load_reference(pair, read_checkpoint(checkpoint))[0], only=hidden)

        explain = explainer(pair, drawn, lambda: torch_side.arrays(drawn()), patience, on_step)
        try:
            other = _judged(pair, reference, drawn(), explain, run)
        except PortingError as error:
            return _not_proven(report, first_line(error))
        return _with_other(report, other, report.semantics.lines[: -len(unseen)], hidden)

    return extended


def _not_proven(report: ParityReport, why: str) -> ParityReport:
    line = f"not proven with drawn values in their place either: {why}"
    return replace(report, semantics=replace(report.semantics, lines=(*report.semantics.lines, line)))


def _hidden_by(spots: Sequence[BlindSpot]) -> tuple[str, ...]:
    """The tensors whose values hide a fault that nothing else has shown."""
    return tuple(dict.fromkeys(whole_name(spot.tensor) for spot in spots if spot.tensor and not spot.is_seen))


def _judged(pair: ModelPair, reference: ReferenceRun, model: Any, explain: Explain, run: PortRun) -> ParityReport:
    state = torch_side.arrays(model)
    other = run_reference(pair, model, reference.gradient_probe, hash_weights(state.items()))
    return judge(pair, other, run_again(pair, run, other, state), explain)


def _with_other(report: ParityReport, other: ParityReport, seen: Sequence[str], hidden: Sequence[str]) -> ParityReport:
    """A report with what came of drawn values in the place of the lines on what their own hide."""
    tensors = f"{counted(len(hidden), 'tensor')} that would hide a fault ({_some(hidden)})"
    what = f"with drawn values in the place of {tensors}"
    if failed := [part for part in (other.semantics, other.training) if part.status is Status.FAIL]:
        semantics = Part(Status.FAIL, (*seen, f"{what}:", *(line for part in failed for line in part.lines)))
        about = {**report.about, **other.about}
        return replace(report, semantics=semantics, divergences=other.divergences, about=about)
    blind = judge_blind_spots(other.blind_spots, "")
    if other.semantics.status is Status.NOT_CHECKED and blind.status is Status.PASS:
        return _not_proven(report, other.semantics.lines[-1])
    left = _hidden_by(other.blind_spots)
    spots = tuple(
        replace(spot, seen_drawn=whole_name(spot.tensor) in hidden and whole_name(spot.tensor) not in left)
        for spot in report.blind_spots
    )
    unseen = judge_blind_spots(spots, "")
    lines = (*seen, f"{what}: {other.semantics.lines[0]}", *unseen.lines)
    return replace(report, semantics=Part(unseen.status, lines), blind_spots=spots)


def _some(names: Sequence[str]) -> str:
    return ", ".join(names[:3]) + (" ..." if len(names) > 3 else "")
