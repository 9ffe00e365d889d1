"""Verify a converted checkpoint: against the PyTorch checkpoint, or against its golden file without PyTorch."""

import os
from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path

from porting.causes.find import explainer
from porting.defaults import PATIENCE_SECONDS
from porting.errors import (
    AxisSizeError,
    CoverageError,
    LayerCountError,
    PortFileError,
    PortingError,
    ProbeError,
    first_line,
)
from porting.evidence.certificates import find_certificate, golden_path, hash_file
from porting.evidence.drift import drift_lines
from porting.evidence.golden import read_golden
from porting.jobs import accelerators
from porting.jobs.preparation import check_files, found_pair, load_frameworks
from porting.jobs.processes.elsewhere import proven_elsewhere
from porting.jobs.processes.onednn import OtherSetting
from porting.jobs.splitting import with_found_splits
from porting.jobs.untrained import then_drawn
from porting.pairs.finding import read_all
from porting.pairs.pair import ModelPair, Sizes
from porting.plans.parts import whole_name
from porting.port import side as keras_side
from porting.port.source_lines import find_source
from porting.probes import SYNTHETIC
from porting.proof.inputs import draw_for
from porting.proof.judgement import Explain, Extend, judge, unexplained
from porting.proof.port_runs import run_port
from porting.proof.runs import OnStep, load_reference, run_reference, silent
from porting.proof.sizes import proven_rows, stream_rest
from porting.proof.streaming import BATCH, stream
from porting.proof.transfer import hash_weights
from porting.records.port_source import PortSource
from porting.records.runs import PortRun, ReferenceRun
from porting.records.verdict import ParityReport
from porting.reference.files import Checkpoint, read_checkpoint
from porting.statuses import Status
from porting.version import __version__

PROBE_SAMPLES = 64
"""Samples to draw for a probe where the user does not say how many."""

_OTHER_MODEL = "Give the PyTorch checkpoint, or put the golden file there that was written with the port."

_CONTRADICTIONS = (ArithmeticError, AssertionError, AttributeError, LookupError, TypeError, ValueError)
"""What comes of arrays and settings that are each of their type and do not go together."""

_SEVERITY = (Status.PASS, Status.NOT_CHECKED, Status.FAIL)


def verify(
    port: str | os.PathLike,
    checkpoint: str | os.PathLike | None = None,
    *,
    pair: str | ModelPair | None = None,
    probe: str | os.PathLike | None = None,
    every_sample: bool = False,
    tf32: bool = False,
    patience: float = PATIENCE_SECONDS,
    on_step: OnStep = silent,
) -> ParityReport:
    """Judge a converted checkpoint as it lies on disk.

    Parameters
    ----------
    port : path
        Converted checkpoint: ``.keras``, ``.weights.h5`` or ``.safetensors``.
    checkpoint : path, optional
        The PyTorch checkpoint. Without it the port is held against its golden file, which needs no PyTorch.
    pair : str or ModelPair, optional
        What the certificate beside the port says, or the default pair, if not given.
    probe : path, optional
        Inputs to verify on; the pair's own if not given. Only with a checkpoint.
    every_sample : bool
        Run both models on every sample of the probe file, batch by batch in constant memory; the layers are taught, and
        gradients taken, on some of them as ever.
    tf32 : bool
        Let a GPU multiply float32 by TF32, which rounds more coarsely than float32 does.
    patience : float
        Seconds to search for the causes of a FAIL at most; there is nothing to search with without a checkpoint.
    on_step : callable
        Told what is being done.

    Raises
    ------
    InputError
        If a file or the pair cannot be used, or the port is no longer what its certificate says.
    PlanError
        If the two models cannot be paired.

    Examples
    --------
    >>> import keras, torch
    >>> from porting import ModelPair, convert, verify
    >>> pair = ModelPair(
    ...     name="own",
    ...     reference=lambda: torch.nn.Linear(4, 2),
    ...     port=lambda: keras.Sequential([keras.Input((4,)), keras.layers.Dense(2, name="fc")]),
    ...     input_shapes=((4,),),
    ... )
    >>> torch.save(torch.nn.Linear(4, 2).state_dict(), "net.pt")
    >>> conversion = convert("net.pt", "net", pair=pair)
    >>> verify("net.keras", "net.pt", pair=pair).verdict
    <Status.PASS: 'PASS'>

    Without PyTorch, against the golden file beside the port:

    >>> verify("net.keras", pair=pair).verdict
    <Status.PASS: 'PASS'>
    """
    path, own_probe = Path(port), None if probe is None else Path(probe)
    check_files(path, None if checkpoint is None else Path(checkpoint), own_probe)
    if every_sample and own_probe in (None, SYNTHETIC):
        raise ProbeError("--all needs a file of samples: --probe FILE --all.")
    model_pair = found_pair(pair, path)
    certified = find_certificate(path)
    named = pair if isinstance(pair, str) else (certified or {}).get("pair") if pair is None else None
    with OtherSetting() as other:
        load_frameworks(on_step, torch=checkpoint is not None)
        if checkpoint is not None:
            given = (Path(checkpoint), path, own_probe, every_sample, tf32, patience, on_step, named, other)
            report = with_found_splits(model_pair, lambda found: _hold_against(found, *given))
        else:
            report = _replay(model_pair, path, certified is not None, on_step, tf32, named, other)
    files = (path, None if checkpoint is None else Path(checkpoint), own_probe)
    report = proven_elsewhere(report, *files, named, tf32, on_step)
    return replace(report, drift=drift_lines(certified, report))


def _hold_against(
    pair: ModelPair,
    checkpoint: Path,
    port: Path,
    probe: Path | None,
    every_sample: bool,
    tf32: bool,
    patience: float,
    on_step: OnStep,
    named: str | None,
    other: OtherSetting,
) -> ParityReport:
    """Judge a port by the PyTorch checkpoint, on a probe and, where wanted, on every sample of its file."""
    on_step("reading the checkpoint")
    model, sizes, source = load_reference(pair, read_checkpoint(checkpoint))
    drawn = draw_for(pair, sizes, probe, PROBE_SAMPLES, model)
    on_step("running the reference in float32 and float64")
    hashes, few = hash_as_torch_reads(source), proven_rows(pair, model, drawn)
    reference = run_reference(pair, model, few, hashes)
    extend = as_it_is
    if every_sample and probe is not None:
        batches = read_all(pair, sizes, probe, BATCH if len(few) == len(drawn) else len(few))
        extend = partial(stream, pair, model, batches=batches, on_step=on_step, explained=reference.explained)
    elif len(few) < len(drawn):
        extend = partial(stream_rest, pair, model, probe=drawn, reference=reference, on_step=on_step)
    explain = explainer(pair, lambda: model, lambda: read_checkpoint(checkpoint).state_dict, patience, on_step)
    extend = then_drawn(extend, pair, checkpoint, reference, patience, on_step)
    report = judge_files(pair, sizes, reference, [port], source.path, explain, on_step, tf32, extend, named, other)
    return replace(report, patience=patience)


def hash_as_torch_reads(source: Checkpoint) -> dict[str, str]:
    """Hash each tensor of a checkpoint; those that were mapped as ``torch.load`` reads them, not as they were mapped.

    What moves is thus held against another reading than the one that moved it.
    """
    arrays = dict(source.state_dict)
    if source.mapped:
        again = read_checkpoint(source.path, is_mapped=False)
        again = again if source.mapped <= again.state_dict.keys() else again.with_prefix()
        arrays |= {name: again.state_dict[name] for name in source.mapped}
    return hash_weights(arrays.items())


def _replay(
    pair: ModelPair,
    port: Path,
    is_bound: bool,
    on_step: OnStep,
    tf32: bool,
    named: str | None,
    other: OtherSetting,
) -> ParityReport:
    """Hold a port against its golden file; a certificate binds the two to each other, nothing else does.

    Raises
    ------
    PortFileError
        If the golden file is of another pair or model.
    """
    golden = golden_path(port)
    on_step("reading the golden file")
    reference, about = read_golden(golden)
    if about["pair"] != pair.name:
        raise PortFileError(f"{golden} is of pair {about['pair']}, not {pair.name}. Name that pair by --pair.")
    try:
        report = judge_files(
            pair, about["sizes"], reference, [port], None, on_step=on_step, tf32=tf32, named=named, other=other
        )
    except (AxisSizeError, CoverageError, LayerCountError) as error:
        raise PortFileError(f"{golden} is of another model than {port}.\n{error}\n{_OTHER_MODEL}") from error
    except PortingError:
        raise
    except _CONTRADICTIONS as error:
        raise PortFileError(
            f"{golden} contradicts itself, or {port}: the replay broke off, {first_line(error)}.\n{_OTHER_MODEL}"
        ) from error
    changed = set(report.changed_tensors)
    if (
        not is_bound
        and changed
        and all(changed.intersection(map(whole_name, held.references)) for held in report.plan.transfers)
    ):
        raise PortFileError(
            f"{golden} is of another model than {port}: none of its {len(reference.weights_sha256)} tensors is the "
            f"port's, and no certificate says that the two belong together.\n{_OTHER_MODEL}"
        )
    return report


def as_it_is(run: PortRun, report: ParityReport) -> ParityReport:
    """The report of the probe alone."""
    return report


def _judge_file(
    pair: ModelPair,
    path: Path,
    sizes: Sizes,
    reference: ReferenceRun,
    explain: Explain,
    extend: Extend,
) -> ParityReport:
    """Judge one file; both of its models are let go before the next one's are built."""
    run = run_port(pair, path, sizes, reference)
    return extend(run, judge(pair, reference, run, explain))


def _source(pair: ModelPair, sizes: Sizes, report: ParityReport) -> PortSource | None:
    """The lines that make the port's layers: of a port that a file builds, and of one with a name where it parts."""
    if not isinstance(pair.port, str) or not (".py:" in pair.port or report.divergences):
        return None
    with keras_side.precision("float32"):
        return find_source(pair, sizes, report.port_layers)


def judge_files(
    pair: ModelPair,
    sizes: Sizes,
    reference: ReferenceRun,
    ports: Sequence[Path],
    checkpoint: Path | None,
    explain: Explain = unexplained,
    on_step: OnStep = silent,
    tf32: bool = False,
    extend: Extend = as_it_is,
    named: str | None = None,
    other: OtherSetting | None = None,
) -> ParityReport:
    """Judge each file as reloaded from disk; the report is that of the worst one, or of the first.

    `extend` may add to a file's report what comes of running its models once more; `named` is what finds the pair
    again in another process, where float32 is judged with the other setting of oneDNN.
    """
    reports = []
    if other:
        other.ask(pair, named, ports[0], sizes, reference)
    with accelerators.tf32(tf32):
        gpu = accelerators.describe()
        for path in ports:
            on_step(f"verifying {path.name} as reloaded from disk")
            reports.append(_judge_file(pair, path, sizes, reference, explain, extend))
        decisive = max(reports, key=lambda report: _SEVERITY.index(report.verdict))
        decisive = other.judged(decisive) if other else decisive
    decisive = decisive.with_source(_source(pair, sizes, decisive))
    hashes = {path.name: hash_file(path) for path in ports} | {"plan": decisive.plan.sha256()}
    hashes |= {"checkpoint": hash_file(checkpoint)} if checkpoint else {}
    return replace(decisive, hashes=hashes, versions={"porting": __version__, **decisive.versions, **gpu})
