"""Verify a converted checkpoint: against the PyTorch checkpoint, or against its golden file without PyTorch."""

import os
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from porting import DEFAULT_PAIR, __version__, keras_side, torch_side
from porting.causes import explainer
from porting.certificates import broken_seal, find_certificate, golden_path, hash_file, stem_of
from porting.errors import PortFileError
from porting.golden import read_golden
from porting.judgement import Explain, hash_weights, judge, unexplained
from porting.pairs import ModelPair, Sizes, draw_probe, find_pair
from porting.placement import finish_moves
from porting.runs import OnStep, load_reference, run_port, run_reference, silent
from porting.torch_files import read_checkpoint
from porting.verdict import ParityReport, ReferenceRun, Status

PROBE_SAMPLES = 64
"""Samples to draw for a probe where the user does not say how many."""

_SEVERITY = (Status.PASS, Status.NOT_CHECKED, Status.FAIL)


def verify(
    port: str | os.PathLike,
    checkpoint: str | os.PathLike | None = None,
    *,
    pair: str | ModelPair | None = None,
    probe: str | os.PathLike | None = None,
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
    on_step : callable
        Told what is being done.

    Raises
    ------
    InputError
        If a file or the pair cannot be used, or the port is no longer what its certificate says.
    PlanError
        If the two models cannot be paired.
    """
    path = Path(port)
    finish_moves(stem_of(path))
    if not path.is_file():
        raise PortFileError(f"No converted checkpoint at {path}.")
    if broken := broken_seal(path):
        raise PortFileError(
            f"Refused: {broken}.\nConvert the checkpoint again, or remove the certificate if the change was meant."
        )
    keras_side.prepare()
    certified = find_certificate(path) or {}
    model_pair = find_pair(pair or certified.get("pair", DEFAULT_PAIR))
    if checkpoint is None:
        if probe is not None:
            raise PortFileError("A probe of your own needs the PyTorch checkpoint: a golden file has its own probe.")
        if broken := broken_seal(golden_path(path)):
            raise PortFileError(f"Refused: {broken}.\nConvert the checkpoint again.")
        on_step("reading the golden file")
        reference, about = read_golden(golden_path(path))
        if about["pair"] != model_pair.name:
            raise PortFileError(f"{golden_path(path)} is of pair {about['pair']}, not {model_pair.name}.")
        return judge_files(model_pair, about["sizes"], reference, [path], None, on_step=on_step)
    torch_side.prepare()
    on_step("reading the checkpoint")
    model, sizes, source = load_reference(model_pair, read_checkpoint(checkpoint))
    drawn = draw_probe(model_pair, sizes, Path(probe) if probe else None, PROBE_SAMPLES)
    on_step("running the reference in float32 and float64")
    reference = run_reference(model_pair, model, drawn, hash_weights(source.state_dict.items()))
    explain = explainer(model_pair, lambda: model)
    return judge_files(model_pair, sizes, reference, [path], source.path, explain, on_step)


def judge_files(
    pair: ModelPair,
    sizes: Sizes,
    reference: ReferenceRun,
    ports: Sequence[Path],
    checkpoint: Path | None,
    explain: Explain = unexplained,
    on_step: OnStep = silent,
) -> ParityReport:
    """Judge each file as reloaded from disk; the report is that of the worst one, or of the first."""
    reports = []
    for path in ports:
        on_step(f"verifying {path.name} as reloaded from disk")
        reports.append(judge(pair, reference, run_port(pair, path, sizes, reference), explain))
    decisive = max(reports, key=lambda report: _SEVERITY.index(report.verdict))
    hashes = {path.name: hash_file(path) for path in ports} | {"plan": decisive.plan.sha256()}
    hashes |= {"checkpoint": hash_file(checkpoint)} if checkpoint else {}
    return replace(decisive, hashes=hashes, versions={"porting": __version__, **decisive.versions})
