"""What has changed since a port was certified: versions, and with them the figures."""

import math
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from porting.records.verdict import ParityReport

Figures = tuple[float | None, float]
"""Worst relative error in float64, None where not checked, and worst ratio in float32."""


_OF_OTHER_VALUES = {"streamed", "holds"}
"""Words of a probe by which figures are of more than its samples, or of less than all values."""


def drift_lines(certificate: Mapping[str, Any] | None, report: "ParityReport") -> tuple[str, ...]:
    """Say how a verification differs from the one that a port was certified by.

    Parameters
    ----------
    certificate : Mapping or None
        The one beside the port, whose golden file has the same origin.
    report : ParityReport
        Of the verification just now.

    Returns
    -------
    tuple of str
        A line for each version that is another one; then, on the same probe, one for each figure that is, and on
        another probe, or on all samples of a file, both figures if a version is. Figures that are others though no
        version is have not drifted: they are said to be another machine's, or edited. Empty where nothing has changed
        or nothing is certified.
    """
    if certificate is None:
        return ()
    versions = tuple(changed_versions(certificate["versions"], report.versions))
    probes = certificate["probe"], report.probe
    same_probe = probes[0]["sha256"] == probes[1]["sha256"] and not any(_OF_OTHER_VALUES & set(held) for held in probes)
    if not versions and not same_probe:
        return ()
    then, now = (f"{held.get('streamed', held['samples'])}" for held in probes)
    part = ", of the values that the golden file holds" if "holds" in probes[1] else ""
    samples = "" if same_probe else f" ({then} samples then, {now} now{part})"
    figures = _changed_figures(_certified(certificate["report"]), _now(report))
    if versions:
        return (*versions, *(line + samples for line in figures))
    return tuple(f"{line}{samples}: the certificate is of another machine, or was edited" for line in figures)


def changed_versions(then: Mapping[str, Any], now: Mapping[str, Any]) -> Iterator[str]:
    """A line for each package, backend or setting that both name differently, or a GPU that only one had."""
    for name in dict.fromkeys((*then, *now)):
        absent = "none" if name == "GPU" else None
        before, today = then.get(name, absent), now.get(name, absent)
        if before != today and None not in (before, today):
            yield f"{name} {before} when recorded, {today} now"


def worst_figures(rows: Sequence[Mapping[str, Any]]) -> Figures:
    """Worst figures over layers and outputs as they are in a report's JSON."""
    errors = [
        number
        for row in rows
        for name in ("float64_input_error", "float64_output_error")
        if (number := as_number(row.get(name))) is not None
    ]
    ratios = [as_number(row.get("float32_ratio")) or 0.0 for row in rows]
    return max(errors, default=None), max(ratios, default=0.0)


def as_number(value: Any) -> float | None:
    """Read a figure of a report's JSON, where what is infinite or no number is the word "inf"."""
    return value if value is None else math.inf if isinstance(value, str) else float(value)


def _certified(report: Mapping[str, Any]) -> Figures:
    return worst_figures([*report["layers"], *report["outputs"]])


def _now(report: "ParityReport") -> Figures:
    names = ("float64_input_error", "float64_output_error", "float32_ratio")
    return worst_figures([{name: getattr(row, name) for name in names} for row in (*report.layers, *report.outputs)])


def _changed_figures(then: Figures, now: Figures) -> Iterator[str]:
    labels = (("worst float64 error", "{:.1e}"), ("worst float32 ratio", "{:.2f}"))
    for (label, style), before, today in zip(labels, then, now, strict=True):
        shown = ["not checked" if value is None else style.format(value) for value in (before, today)]
        if shown[0] != shown[1]:
            yield f"{label} {shown[0]} when recorded, {shown[1]} now"
