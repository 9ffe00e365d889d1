"""Write a port that is filled with a checkpoint's weights, and what is known of it beside."""

from collections.abc import Sequence
from pathlib import Path

from porting.evidence.certificates import GOLDEN_SUFFIX, SUFFIX, write_certificate
from porting.evidence.golden import golden_count, write_golden
from porting.jobs.optimisers import optimiser_states
from porting.jobs.optimisers.states import OptimiserState
from porting.jobs.planning import plan_for
from porting.pairs.finding import build_port
from porting.pairs.pair import ModelPair, Sizes
from porting.port import side as keras_side
from porting.port.files import write_port
from porting.proof.transfer import move_weights
from porting.records.runs import ReferenceRun
from porting.records.verdict import ParityReport
from porting.reference.files import Checkpoint
from porting.reports.documents import as_json


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
