"""Records of a verification: what either model did, and the verdict on it in three parts and in figures."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import Enum
from typing import Any

import numpy as np

from porting.parity import Divergence
from porting.plan import TransferPlan
from porting.probes import Probe
from porting.traces import Trace


class Status(Enum):
    """Fail-closed: what was not checked has not passed."""

    PASS = "PASS"
    FAIL = "FAIL"
    NOT_CHECKED = "NOT CHECKED"


@dataclass(frozen=True, slots=True)
class Part:
    """One part of the verdict, and what it rests on, a line each."""

    status: Status
    lines: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class ReferenceRun:
    """The reference on the probe: by PyTorch just now, or out of a golden file.

    Attributes
    ----------
    probe : Probe
    trace : Trace
        In float64.
    call_rmse, output_rmse : sequence of float
        Root mean square errors of the reference's own float32: of each layer call's output, of each output.
    weights_sha256 : Mapping
        Tensor -> hash, as `hash_weights` gives them.
    """

    probe: Probe
    trace: Trace
    call_rmse: Sequence[float]
    output_rmse: Sequence[float]
    weights_sha256: Mapping[str, str]
    versions: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class PortRun:
    """The port on the same probe.

    Attributes
    ----------
    fetch : callable
        (variable, change of axis order) -> its value as reloaded; one at a time, since all together may be large.
    trace : Trace
        In float32.
    wide_trace : Trace or None
        In float64.
    why_no_float64 : str
        Why there is none.
    """

    fetch: Callable[[str, Callable[[Any], Any]], np.ndarray]
    trace: Trace
    wide_trace: Trace | None
    why_no_float64: str
    versions: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class LayerParity:
    """One pair of layer calls, or one output of the models, in figures; None where not checked."""

    reference: str
    port: str
    kind: str
    landmark: str
    float64_input_error: float | None
    float64_output_error: float | None
    float32_ratio: float
    ulp_at_scale: float


@dataclass(frozen=True, slots=True)
class ParityReport:
    """The verdict on one port, and everything that it rests on."""

    pair: str
    transfer: Part
    semantics: Part
    deployed: Part
    first_divergence: Divergence | None
    layers: tuple[LayerParity, ...]
    outputs: tuple[LayerParity, ...]
    plan: TransferPlan
    versions: Mapping[str, str]
    probe: Mapping[str, str | int]
    hashes: Mapping[str, str] = field(default_factory=dict)

    @property
    def verdict(self) -> Status:
        """FAIL if any part fails, PASS if all pass, NOT CHECKED otherwise."""
        statuses = {self.transfer.status, self.semantics.status, self.deployed.status}
        if Status.FAIL in statuses:
            return Status.FAIL
        return Status.PASS if statuses == {Status.PASS} else Status.NOT_CHECKED
