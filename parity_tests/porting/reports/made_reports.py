"""Reports that are made up: one of each verdict, and whatever else a page is to show."""

from dataclasses import replace

import numpy as np

from finta import shipped
from porting.plans.plan import LayerPair, Transfer, TransferPlan
from porting.records.parity import Cause, Divergence
from porting.records.runs import BlindSpot
from porting.records.verdict import Evidence, LayerParity, ParityReport, Part, WorstSample
from porting.rules.rule import LayerRule
from porting.statuses import Status
from tractography.batches.batches import draw_balanced

HOSTILE = "\"'><script src=http://evil.example/x.js>alert(1)</script><img onerror=alert(1) src=x>{{ 7 * 7 }}&amp;"
PASSED = Part(Status.PASS, ("as it should be",))
FAILED = Part(Status.FAIL, ("as it should not be",))
NOT_CHECKED = Part(Status.NOT_CHECKED, ("no float64 here",))

MISSING = Cause("missing activation", "no ReLU after conv1", "add layers.ReLU() after conv1", 3e-16)
SHIFTED = Cause("shifted upsampling", "half a step to the left", "sample at (i + 0.5) / 2 - 0.5", 2e-16)
REPEATED = Cause("repeating upsampling", "each point twice", "interpolate linearly", 4e-16)
PARTED = (
    Divergence("conv2", "port_conv2", "conv1", "between", 1.4, "sample 3, position 1", "probe", (MISSING,)),
    Divergence("conv3", "port_conv3", "conv2", "between", 0.03, "sample 5", "probe", (SHIFTED, REPEATED)),
    Divergence("conv3", "port_conv3", "conv2", "inside", 0.2, "sample 6", "synthetic activations"),
)


def layer(name, before="", **changes):
    row = LayerParity(
        reference=name,
        port=f"port_{name}",
        kind="Conv1d -> Conv1D",
        landmark="",
        sources=(before,),
        float64_input_error=0.0,
        float64_output_error=2e-16,
        own_input_error=0.0,
        own_output_error=1e-16,
        synthetic_input_error=0.0,
        synthetic_output_error=3e-16,
        float32_ratio=1.1,
        own_float32_ratio=1.0,
        float32_error=2e-7,
        reference_float32_error=1.8e-7,
        ulp_at_scale=2.5,
    )
    return replace(row, **changes)


def plan_of(*names):
    rule = LayerRule("Conv1d", "Conv1D", {}, note="a row with a note")
    pattern = "filter channel tap -> tap channel filter"
    return TransferPlan(
        tuple(
            LayerPair(
                name,
                name,
                rule,
                (Transfer((f"{name}.weight",), f"{name}/kernel", pattern, (4, 2, 3), (3, 2, 4)),),
                "",
                "",
            )
            for name in names
        )
    )


def make_report(**changes):
    streamlines = draw_balanced(shipped.DIPY_BATCHES, 24).streamlines
    truth = streamlines.astype(np.float64) + 1e-3
    report = ParityReport(
        pair="a pair",
        transfer=PASSED,
        semantics=PASSED,
        deployed=PASSED,
        training=PASSED,
        divergences=(),
        layers=(layer("conv1"), layer("conv2", "conv1"), layer("conv3", "conv2")),
        outputs=(layer("points", "conv3", kind="output", float64_input_error=None, own_output_error=None),),
        worst=(WorstSample("points", "bundle row 7", 3e-5, 1e-5, "mm"),),
        blind_spots=(BlindSpot("conv2", "8 of 64 values of bias change no output", True),),
        plan=plan_of("conv1", "conv2", "conv3"),
        versions={"porting": "0.1.0", "backend": "tensorflow", "keras": "3.15.1"},
        probe={"source": "batches.h5, 3 classes", "samples": 24, "sha256": "f00d" * 16},
        evidence=Evidence(
            (streamlines,), {"code": (truth[:, :8, 0], streamlines[:, :8, 0])}, {"points": (truth, streamlines)}
        ),
        hashes={"port.keras": "beef" * 16},
    )
    return replace(report, **changes)


REPORTS = {
    "PASS": make_report(),
    "FAIL": make_report(semantics=FAILED, divergences=PARTED),
    "NOT CHECKED": make_report(semantics=NOT_CHECKED),
}
