"""Convert a PyTorch checkpoint to Keras, prove what was written, put it in place."""

import os
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

from porting.causes.find import explainer
from porting.defaults import DEFAULT_PAIR, PATIENCE_SECONDS
from porting.errors import OutputError
from porting.evidence.certificates import (
    files_of,
    find_certificate,
    output_stem,
)
from porting.files import placement, staging
from porting.jobs.filling import write_evidence, write_formats
from porting.jobs.optimisers import optimiser_states
from porting.jobs.preparation import check_inputs, found_pair, load_frameworks
from porting.jobs.processes.elsewhere import proven_elsewhere
from porting.jobs.processes.onednn import OtherSetting
from porting.jobs.splitting import with_found_splits
from porting.jobs.untrained import then_drawn
from porting.jobs.verification import PROBE_SAMPLES, as_it_is, hash_as_torch_reads, judge_files
from porting.pairs.pair import ModelPair
from porting.port.files import FORMATS
from porting.probes import Probe
from porting.proof.inputs import draw_for
from porting.proof.judgement import Extend
from porting.proof.runs import OnStep, load_reference, run_reference, silent
from porting.proof.sizes import proven_rows, stream_rest
from porting.records.runs import PortRun, ReferenceRun
from porting.records.verdict import ParityReport
from porting.reference.files import read_checkpoint
from porting.reference.side import in_precision
from porting.statuses import Status


@dataclass(frozen=True, slots=True)
class Conversion:
    """What a conversion came to.

    Attributes
    ----------
    report : ParityReport
    files : tuple of Path
        Those that are in place; none where it failed.
    optimiser : str
        What of an optimiser's state has moved, in words.

    Examples
    --------
    A port that fails is not put into place:

    >>> import keras, torch
    >>> from porting import ModelPair, convert
    >>> pair = ModelPair(
    ...     name="own",
    ...     reference=lambda: torch.nn.LayerNorm(4),
    ...     port=lambda: keras.Sequential([keras.Input((4,)), keras.layers.LayerNormalization()]),
    ...     input_shapes=((4,),),
    ... )
    >>> torch.save(torch.nn.LayerNorm(4).state_dict(), "net.pt")
    >>> conversion = convert("net.pt", "net", pair=pair)
    >>> conversion.report.verdict
    <Status.FAIL: 'FAIL'>
    >>> conversion.files
    ()
    """

    report: ParityReport
    files: tuple[Path, ...]
    optimiser: str = ""


def convert(
    checkpoint: str | os.PathLike,
    output: str | os.PathLike,
    *,
    pair: str | ModelPair = DEFAULT_PAIR,
    probe: str | os.PathLike | None = None,
    formats: Sequence[str] = ("keras",),
    with_optimiser: bool = False,
    force: bool = False,
    keep_failed: bool = False,
    patience: float = PATIENCE_SECONDS,
    on_step: OnStep = silent,
) -> Conversion:
    """Convert a checkpoint, write it, reload it from disk, verify what was reloaded, then move it into place.

    Parameters
    ----------
    checkpoint : path
        PyTorch checkpoint.
    output : path
        A folder (existing, or ending in a slash), or the path of the files without their suffixes.
    pair : str or ModelPair
    probe : path, optional
        Inputs to verify on; the pair's own if not given.
    formats : sequence of str
        Any of ``keras``, ``weights.h5``, ``safetensors``.
    with_optimiser : bool
        Carry the optimiser's state that stands beside the weights: the ``.keras`` file is compiled with its twin.
    force : bool
        Replace existing files.
    keep_failed : bool
        Put the files in place even if the verdict is FAIL.
    patience : float
        Seconds to search for the causes of a FAIL at most.
    on_step : callable
        Told what is being done.

    Returns
    -------
    Conversion
        With the certificate and the golden file among its files.

    Raises
    ------
    InputError
        If checkpoint, probe, pair or output cannot be used.
    PlanError
        If the two models cannot be paired.

    Examples
    --------
    >>> import keras, torch
    >>> from porting import ModelPair, convert
    >>> pair = ModelPair(
    ...     name="own",
    ...     reference=lambda: torch.nn.Linear(4, 2),
    ...     port=lambda: keras.Sequential([keras.Input((4,)), keras.layers.Dense(2, name="fc")]),
    ...     input_shapes=((4,),),
    ... )
    >>> torch.save(torch.nn.Linear(4, 2).state_dict(), "net.pt")
    >>> conversion = convert("net.pt", "net", pair=pair)
    >>> conversion.report.verdict
    <Status.PASS: 'PASS'>
    >>> sorted(path.name for path in conversion.files)
    ['net.certificate.json', 'net.golden.h5', 'net.keras']
    """
    _check_formats(formats, with_optimiser)
    stem = output_stem(output, Path(checkpoint))
    outputs = files_of(stem)
    placement.check_apart(outputs, [Path(checkpoint), Path(probe) if probe else None])
    staging.finish_moves(stem)
    placement.check_free(outputs, force)
    superseded = _superseded(outputs[0])
    check_inputs(Path(checkpoint), None, Path(probe) if probe else None)
    known = found_pair(pair)
    if with_optimiser:
        optimiser_states.pair_of(known)
    wanted = _Wanted(
        Path(checkpoint),
        stem,
        superseded,
        pair if isinstance(pair, str) else None,
        Path(probe) if probe else None,
        formats,
        with_optimiser,
        keep_failed,
        patience,
    )
    with OtherSetting() as other:
        load_frameworks(on_step)
        return with_found_splits(known, lambda found: _converted(found, wanted, on_step, other))


@dataclass(frozen=True, slots=True)
class _Wanted:
    """What is to be converted, to what, and how: `convert` has the words for it."""

    checkpoint: Path
    stem: Path
    superseded: Sequence[str]
    named: str | None
    probe: Path | None
    formats: Sequence[str]
    with_optimiser: bool
    keep_failed: bool
    patience: float


def _converted(pair: ModelPair, wanted: _Wanted, on_step: OnStep, other: OtherSetting) -> Conversion:
    """Convert a checkpoint for a pair whose layers count alike on both sides."""
    checkpoint, probe, patience = wanted.checkpoint, wanted.probe, wanted.patience
    on_step("reading the checkpoint")
    model, sizes, source = load_reference(pair, read_checkpoint(checkpoint))
    state = optimiser_states.read_state(source, model) if wanted.with_optimiser else None
    drawn = draw_for(pair, sizes, probe, PROBE_SAMPLES, model)
    on_step("running the reference in float32 and float64")
    hashes, few = hash_as_torch_reads(source), proven_rows(pair, model, drawn)
    reference = run_reference(pair, model, few, hashes)
    del model  # its float64 weights are twice the checkpoint
    source.release()
    with staging.staging(wanted.stem, wanted.superseded) as staged:
        on_step("moving the weights")
        drafts = write_formats(pair, sizes, source, reference, staged.stem, wanted.formats, state)
        explain = _explainer_of(pair, checkpoint, patience, on_step)
        named = wanted.named or pair.place or None
        extend = _extension(pair, checkpoint, drawn, reference, on_step)
        extend = then_drawn(extend, pair, checkpoint, reference, patience, on_step)
        judged = judge_files(pair, sizes, reference, drafts, source.path, explain, on_step, False, extend, named, other)
        report = replace(judged, patience=patience)
        report = proven_elsewhere(report, drafts[0], checkpoint, probe, named, False, on_step)
        if report.verdict is Status.FAIL and not wanted.keep_failed:
            return Conversion(report, ())
        moved = optimiser_states.prove(state, pair, sizes, report.plan, drafts) if state else ""
        on_step("writing the certificate and the golden file")
        proven = replace(reference, blind_spots=report.blind_spots)
        write_evidence(staged.stem, wanted.named or pair.name, report, source, sizes, proven, drafts, state)
        return Conversion(report, staged.commit(), moved)


def _superseded(port: Path) -> list[str]:
    """Files of an earlier conversion to the same place, as its certificate lists them: nobody else's are removed."""
    return list((find_certificate(port) or {"port": {"files": {}}})["port"]["files"])


def _check_formats(formats: Sequence[str], with_optimiser: bool) -> None:
    if with_optimiser and "keras" not in formats:
        raise OutputError("An optimiser's state goes into a .keras file: add keras to --formats.")
    unknown = sorted(set(formats) - set(FORMATS))
    if unknown or not formats:
        raise OutputError(f"Unknown format {', '.join(unknown) or '(none)'}: choose among {', '.join(FORMATS)}.")


def _explainer_of(pair: ModelPair, checkpoint: str | os.PathLike, patience: float, on_step: OnStep):
    """Explain by models and weights that are read from the checkpoint again: neither is held until they are needed."""
    read = partial(read_checkpoint, checkpoint)
    return explainer(pair, lambda: load_reference(pair, read())[0], lambda: read().state_dict, patience, on_step)


def _extension(
    pair: ModelPair, checkpoint: str | os.PathLike, drawn: Probe, reference: ReferenceRun, on_step: OnStep
) -> Extend:
    """Run the models on what of the probe was too large for the proof, by a reference that is read again."""
    if len(reference.probe) == len(drawn):
        return as_it_is

    def extend(run: PortRun, report: ParityReport) -> ParityReport:
        model = in_precision(load_reference(pair, read_checkpoint(checkpoint))[0], "float64")
        return stream_rest(pair, model, run, report, drawn, reference, on_step)

    return extend
