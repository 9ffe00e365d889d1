"""A report as JSON, by the schemas that lie beside this module."""

import math
from dataclasses import asdict
from typing import Any

from porting.proof.training.gradients import GRADIENT_LIMIT
from porting.records.findings import Finding
from porting.records.parity import FLOAT64_LIMIT, RATIO_LIMIT
from porting.records.verdict import ParityReport

SCHEMA = "porting-report/1"
"""Name and version of ``schemas/porting-report.schema.json``; the version rises when a program must be changed."""


def as_json(report: ParityReport) -> dict[str, Any]:
    """Everything that the report holds but its pictures' arrays; a figure that is infinite becomes the word "inf"."""
    first = report.first_divergence
    return {
        "schema": SCHEMA,
        "pair": report.pair,
        "verdict": report.verdict.value,
        **{name: part.status.value for name, part in report.parts.items()},
        "details": {name: list(part.lines) for name, part in report.parts.items()},
        "first_divergence": plain(asdict(first)) if first else None,
        "divergences": plain([asdict(divergence) for divergence in report.divergences]),
        "lines": [report.source.place_of(held) if report.source else "" for held in report.divergences],
        "findings": [_finding(finding) for finding in report.findings],
        "patience_seconds": report.patience,
        "layers": plain([asdict(row) for row in report.layers]),
        "outputs": plain([asdict(row) for row in report.outputs]),
        "gradients": plain(dict(report.gradient_errors)),
        "worst": plain([asdict(sample) for sample in report.worst]),
        "blind_spots": plain([asdict(spot) for spot in report.blind_spots]),
        "settings": plain([asdict(finding) for finding in report.plan.settings]),
        "limits": {
            "float64_relative_error": FLOAT64_LIMIT,
            "float32_ratio": RATIO_LIMIT,
            "gradient_relative_error": GRADIENT_LIMIT,
        },
        "plan": report.plan.as_json(),
        "changed_tensors": list(report.changed_tensors),
        "probe": dict(report.probe),
        "versions": dict(report.versions),
        "hashes": dict(report.hashes),
        "drift": list(report.drift),
    }


def _finding(finding: Finding) -> dict[str, Any]:
    """Its causes, and its places by their names: the divergences have the rest."""
    return {
        "causes": plain([asdict(cause) for cause in finding.causes]),
        "places": [f"{held.where} {held.reference}" for held in finding.places],
        "error": plain(finding.strongest.error),
    }


def plain(value: Any) -> Any:
    """JSON's types, numbers that are not finite as words."""
    if isinstance(value, dict):
        return {name: plain(item) for name, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [plain(item) for item in value]
    return "inf" if isinstance(value, float) and not math.isfinite(value) else value
