"""Prove on another backend what this one has no float64 for: an operation that lacks it is no fault of the port."""

import importlib.util
from collections.abc import Mapping
from dataclasses import fields, replace
from pathlib import Path
from typing import Any

from porting.errors import InputError
from porting.jobs.processes.backends import verify_on_backends
from porting.proof.runs import OnStep
from porting.records.parity import Cause, Divergence
from porting.records.verdict import ParityReport, Part
from porting.statuses import Status

BACKEND = "jax"
"""The backend that has float64 for all that Keras can do."""

PARTS = ("semantics", "training")
"""The parts of the verdict that rest on float64."""


def proven_elsewhere(
    report: ParityReport,
    port: Path,
    checkpoint: Path | None,
    probe: Path | None,
    pair: str | None,
    tf32: bool,
    on_step: OnStep,
) -> ParityReport:
    """Take semantics and training from another backend, in a process of its own, where this one lacks float64 for them.

    Parameters
    ----------
    report : ParityReport
        Of this backend.
    port, checkpoint, probe, tf32
        As for `porting.verify`.
    pair : str or None
        The pair's name; another process cannot be handed a pair without one.
    on_step : callable
        Told what is being done.
    """
    if not report.lacks_float64:
        return report
    if pair is None:
        return _told(report, f"a pair with a name (--pair) would be proven on {BACKEND}, in a process of its own")
    if not importlib.util.find_spec(BACKEND):
        return _told(report, f"install {BACKEND}, and this is proven there: pip install {BACKEND}")
    on_step(f"proving on {BACKEND} what has no float64 here")
    try:
        (result,) = verify_on_backends(port, checkpoint, backends=[BACKEND], pair=pair, probe=probe, tf32=tf32)
    except InputError as error:
        return _told(report, f"{BACKEND} does not prove it either: {error}")
    if result.report is None:
        return _told(report, f"{BACKEND} does not prove it either: {result.reason}")
    return _with_parts(report, result.report)


def _told(report: ParityReport, line: str) -> ParityReport:
    return replace(report, semantics=replace(report.semantics, lines=(*report.semantics.lines, line)))


def _with_parts(report: ParityReport, other: Mapping[str, Any]) -> ParityReport:
    """The report with the parts that rest on float64 as another backend's document has them."""
    where = f"proven on {BACKEND}, in a process of its own: {report.lacks_float64}"
    parts = {name: Part(Status(other[name]), (*other["details"][name], where)) for name in PARTS}
    divergences = tuple(_divergence(held) for held in other["divergences"])
    return replace(
        report,
        **parts,
        divergences=divergences,
        gradient_errors={name: float(error) for name, error in other["gradients"].items()},
    )


def _divergence(held: Mapping[str, Any]) -> Divergence:
    known = {field.name for field in fields(Divergence)}
    causes = tuple(Cause(**{**cause, "error": float(cause["error"])}) for cause in held["causes"])
    return Divergence(
        **{name: value for name, value in held.items() if name in known - {"causes", "error"}},
        error=float(held["error"]),
        causes=causes,
    )
