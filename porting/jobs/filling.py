"""Write a port that is filled with a checkpoint's weights, and what is known of it beside."""

from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path

import numpy as np

from porting.evidence.certificates import GOLDEN_SUFFIX, SUFFIX, write_certificate
from porting.evidence.golden import golden_count, write_golden
from porting.jobs.optimisers import optimiser_states
from porting.jobs.optimisers.states import OptimiserState
from porting.jobs.planning import plan_for
from porting.pairs.finding import build_port
from porting.pairs.pair import ModelPair, Sizes
from porting.plans.parts import whole_name
from porting.plans.plan import TransferPlan
from porting.port import side as keras_side
from porting.port.files import write_port
from porting.proof.runs import OnStep, silent
from porting.records.runs import ReferenceRun
from porting.records.verdict import ParityReport
from porting.reference.files import Checkpoint
from porting.reports.documents import as_json
from porting.rules import patterns


def write_formats(
    pair: ModelPair,
    sizes: Sizes,
    source: Checkpoint,
    reference: ReferenceRun,
    stem: Path,
    formats: Sequence[str],
    state: OptimiserState | None,
) -> list[Path]:
    """Fill a new port with the checkpoint's weights, and its optimiser's state, and write it in each format."""
    with keras_side.precision("float32"):
        with keras_side.uninitialised():
            port = build_port(pair, sizes)
            plan = plan_for(pair, reference.trace, port, reference.probe)
        move_weights(plan, source.state_dict, port, source.release)
        if state:
            optimiser_states.attach(optimiser_states.to_port(state, plan), port, optimiser_states.pair_of(pair))
        paths = [stem.with_name(f"{stem.name}.{name}") for name in dict.fromkeys(formats)]
        for path in paths:
            write_port(port, path)
    return paths


def move_weights(plan: TransferPlan, state_dict: Mapping[str, np.ndarray], port, moved: OnStep = silent) -> None:
    """Assign every tensor of a state dict to its variable, in the port's axis order, one at a time.

    `moved` is told the reference's name of each tensor when it is in place.
    """
    transfers = {transfer.port: transfer for transfer in plan.transfers}

    def value(variable: str):
        transfer = transfers[variable]
        rearrange = partial(patterns.to_port, pattern=transfer.pattern, port_shape=transfer.port_shape)
        return transfer.gather(state_dict), rearrange

    def loaded(variable: str) -> None:
        for name in transfers[variable].references:
            moved(whole_name(name))

    keras_side.load_weights(port, value, loaded)


def write_evidence(
    stem: Path,
    named: str,
    report: ParityReport,
    source: Checkpoint,
    sizes: Sizes,
    reference: ReferenceRun,
    drafts: Sequence[Path],
    state: OptimiserState | None,
) -> None:
    """Write the golden file and the certificate beside the ports."""
    golden_file = stem.with_name(stem.name + GOLDEN_SUFFIX)
    few = reference.rows(golden_count(reference))
    about = {"pair": report.pair, "sizes": sizes, "checkpoint": report.hashes["checkpoint"]}
    write_golden(golden_file, few, about, len(reference.probe), min(path.stat().st_size for path in drafts))
    origin = {
        "file": source.path.name,
        "sha256": report.hashes["checkpoint"],
        "layout": source.layout,
        "extras": dict(source.extras),
        "optimizer": optimiser_states.plain_settings(state),
    }
    files = [*drafts, golden_file]
    write_certificate(stem.with_name(stem.name + SUFFIX), named, origin, sizes, files, as_json(report))
