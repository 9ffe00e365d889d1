"""Write the port of a torch model, prove it, and put it in place."""

import os
import shutil
import tempfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial as partial_of
from pathlib import Path
from typing import TYPE_CHECKING, Any

from porting.defaults import PATIENCE_SECONDS
from porting.errors import OutputError, PairError, PlanError, PortingError, ProbeError
from porting.evidence.certificates import files_of
from porting.files import placement, staging
from porting.jobs.conversion import convert
from porting.jobs.other_sizes import built_for, judged_for_other_sizes
from porting.jobs.preparation import load_frameworks
from porting.pairs.finding import draw_probe
from porting.pairs.pair import ModelPair
from porting.port import side as keras_side
from porting.proof.runs import OnStep, reference_inputs, silent
from porting.records.verdict import ParityReport
from porting.reference.files import check_checkpoint_file, read_checkpoint
from porting.reference.tensors import computed
from porting.statuses import Status
from porting.writing.examples import SAMPLES, Example, drawn_example, read_example
from porting.writing.model import WrittenModel, write_model
from porting.writing.pair_file import SUFFIX, pair_of, pair_source
from porting.writing.references import Reference, find_reference
from porting.writing.refusals import WritingError
from porting.writing.sizing.writing import AnySize, write_any_size
from porting.writing.trained import randomise, settle

if TYPE_CHECKING:
    import torch


@dataclass(frozen=True, slots=True)
class Writing:
    """What writing a port came to.

    Attributes
    ----------
    model : WrittenModel
        Its source, and counts of it.
    pair : ModelPair
        The reference and the port.
    report : ParityReport, optional
        The verdict on what was written; none where parts were left out.
    files : tuple of Path
        Those that are in place; none without a PASS, unless failed ones were to be kept.
    sizes : AnySize, optional
        Which axes of the inputs may have any size, and what fixes the others, where that was asked for.

    Examples
    --------
    >>> import torch, porting
    >>> writing = porting.write(torch.nn.Linear(4, 2), "dense.py", inputs=["4"])
    >>> writing.model.lines(), writing.model.transposes()
    (6, 0)
    """

    model: WrittenModel
    pair: ModelPair
    report: ParityReport | None
    files: tuple[Path, ...]
    sizes: AnySize | None = None


def write(
    reference: "str | ModelPair | Callable[..., torch.nn.Module] | torch.nn.Module",
    output: str | os.PathLike,
    *,
    inputs: Sequence[str] = (),
    example: str | os.PathLike | None = None,
    settings: Mapping[str, Any] | None = None,
    checkpoint: str | os.PathLike | None = None,
    force: bool = False,
    keep_failed: bool = False,
    any_size: bool = False,
    partial: bool = False,
    patience: float = PATIENCE_SECONDS,
    on_step: OnStep = silent,
) -> Writing:
    """Write a torch model as Keras source, verify what was written with the whole verdict, then put it in place.

    The model's code is run, as any code that is imported: write models whose code you trust.

    Parameters
    ----------
    reference : str, ModelPair, callable or torch.nn.Module
        A registered pair's name, ``module:NAME`` of a class, a factory, a module or a pair, or one of these itself.
    output : path
        The ``.py`` file to write; its pair goes beside it, as ``NAME_pair.py``, and what a checkpoint is converted to
        as ``NAME.keras`` with its certificate and golden file.
    inputs : sequence of str
        Torch's axes of each input without the samples: ``"3,224,224"``; ``"12:int99"`` for integers below 99,
        ``"12:bool"`` for truth values. A registered pair's own if neither this nor `example` is given.
    example : path, optional
        A ``.npz`` or ``.pt`` file of inputs, samples first, by position or by name.
    settings : Mapping, optional
        Arguments that the reference is built with.
    checkpoint : path, optional
        Weights to convert and to verify with; drawn as if trained if not given.
    force, keep_failed : bool
        Replace existing files; put files in place without a PASS.
    any_size : bool
        Let inputs have any image size and any length where nothing in the model fixes them: these axes are None in the
        port, and what was written is verified on inputs of other sizes, too.
    partial : bool
        Write what can be written, with a NotImplementedError in the place of the rest. Nothing is verified then.
    patience : float
        Seconds to search for the causes of a FAIL at most.
    on_step : callable
        Told what is being done.

    Returns
    -------
    Writing

    Raises
    ------
    InputError
        If the reference, the inputs, the checkpoint or the place cannot be used, or the model cannot be written.

    Examples
    --------
    >>> import torch, porting
    >>> net = torch.nn.Sequential(torch.nn.Linear(4, 8), torch.nn.ReLU(), torch.nn.Linear(8, 2))
    >>> writing = porting.write(net, "net.py", inputs=["4"])
    >>> writing.report.verdict
    <Status.PASS: 'PASS'>
    >>> [path.name for path in writing.files]
    ['net.py']
    """
    destination = _destination(Path(output), force, checkpoint is not None, [checkpoint, example])
    shown = _inputs(inputs, example)
    keras_side.choose_backend()
    load_frameworks(on_step)
    found = find_reference(reference, settings or {}, _shapes(checkpoint))
    model = found.build().eval()
    shown = shown or _pairs_own_inputs(found)
    on_step("exporting and writing")
    held = _with_computed_weights(model, found)
    if any_size:
        sizes = write_any_size(held, found, shown, built_for, partial=partial)
        written = sizes.model
    else:
        sizes, written = None, write_model(held, found, shown, partial=partial)
    with tempfile.TemporaryDirectory() as folder, staging.staging(destination, own_names=staging.OwnNames()) as staged:
        place = Path(folder) / destination.name
        _write_sources(place, written, found, destination.parent)
        pair = pair_of(written, found, place.with_suffix(".py"), shown)
        if partial and written.missing:
            _stage(place, staged.stem)
            return Writing(written, _placed(pair, destination), None, staged.commit(), sizes)
        weights = Path(checkpoint) if checkpoint else _drawn_weights(model, shown, place.parent)
        del model, held
        judge = partial_of(convert, weights, pair=pair, keep_failed=True, patience=patience, on_step=on_step)
        try:
            report = judge(place).report
            if sizes and sizes.other and report.verdict is Status.PASS:
                report = judged_for_other_sizes(judge, place, written, sizes.other) or report
        except (PairError, PlanError) as error:
            files: tuple[Path, ...] = ()
            if keep_failed:
                _stage(place, staged.stem)
                files = staged.commit()
            raise _not_verified(found, error, files) from error
        if report.verdict is not Status.PASS and not keep_failed:
            return Writing(written, pair, report, (), sizes)
        _stage(place, staged.stem, converted=checkpoint is not None)
        return Writing(written, _placed(pair, destination), report, staged.commit(), sizes)


def _not_verified(reference: Reference, error: PortingError, files: Sequence[Path]) -> WritingError:
    """Tell that the verdict cannot pair or run what was written, which is no fault of the user's."""
    kept = f"What was written is in {files[0]}." if files else "--keep-failed keeps what was written."
    return WritingError(
        f"{reference.called} was written, but nothing of it is proven: the verdict cannot compare the two models.\n"
        f"{type(error).__name__}: {error}\n{kept}"
    )


def _with_computed_weights(model: "torch.nn.Module", reference: Reference) -> "torch.nn.Module":
    """The model, its weights held as they are computed of others, as they are converted: weight_norm, spectral_norm."""
    if not computed.find_computed(model):
        return model
    held = reference.build().eval()
    computed.settle(held)
    return held


def _destination(output: Path, force: bool, converts: bool, others: Sequence[str | os.PathLike | None]) -> Path:
    """The path of the files without suffixes.

    Raises
    ------
    OutputError
        If they cannot go there.
    """
    if output.suffix != ".py" or not output.stem.isidentifier():
        raise OutputError(f"--output {output}: name the file to write, NAME.py, of letters, digits and underscores.")
    stem = output.with_suffix("")
    files = [output, output.with_name(f"{stem.name}{SUFFIX}"), *(files_of(stem) if converts else [])]
    placement.check_apart(files, [Path(other) if other else None for other in others])
    staging.finish_moves(stem, own_names=staging.OwnNames())
    placement.check_free(files, force)
    return stem


def _inputs(inputs: Sequence[str], example: str | os.PathLike | None) -> Example | None:
    if example is not None:
        return read_example(Path(example))
    return drawn_example(inputs) if inputs else None


def _pairs_own_inputs(reference: Reference) -> Example:
    """What a registered pair shows its models, in the reference's axis order.

    Raises
    ------
    ProbeError
        If it is no pair, or shows nothing.
    """
    pair = reference.pair
    if pair is None or (pair.probe is None and not pair.input_shapes):
        raise ProbeError(
            f"{reference.called}: what are its inputs? "
            "Give --input for each, such as --input 3,224,224, or --example FILE."
        )
    probe = draw_probe(pair, reference.settings, None, SAMPLES)
    arrays = tuple(reference_inputs(pair, probe))
    named = pair.reference_signature().inputs
    if named:
        return Example((), dict(zip(named, arrays, strict=True)), probe.source)
    return Example(arrays, {}, probe.source)


def _shapes(checkpoint: str | os.PathLike | None) -> dict[str, tuple[int, ...]]:
    if checkpoint is None:
        return {}
    check_checkpoint_file(Path(checkpoint))
    return {name: array.shape for name, array in read_checkpoint(checkpoint).state_dict.items()}


def _write_sources(place: Path, written: WrittenModel, reference: Reference, folder: Path) -> None:
    place.with_suffix(".py").write_text(written.text, encoding="utf-8")
    if reference.source:
        beside = place.with_name(f"{place.name}{SUFFIX}")
        beside.write_text(pair_source(written, reference, place.name, folder), encoding="utf-8")


def _drawn_weights(model: "torch.nn.Module", example: Example, folder: Path) -> Path:
    """Weights as if trained: no zeros, and statistics that are not 0 and 1."""
    import torch

    args, keywords = example.tensors()
    randomise(model)
    settle(model, [*args, *keywords.values()], list(keywords))
    file = folder / "drawn.pt"
    torch.save(model.state_dict(), file)
    return file


def _stage(place: Path, stem: Path, *, converted: bool = False) -> None:
    """Move what belongs to the result beside its destination."""
    own = [place.with_suffix(".py"), place.with_name(f"{place.name}{SUFFIX}"), *(files_of(place) if converted else [])]
    for file in own:
        if file.exists():
            shutil.move(file, stem.with_name(file.name))


def _placed(pair: ModelPair, destination: Path) -> ModelPair:
    """The pair, of files that are in place."""
    place = str(destination.with_name(f"{destination.name}{SUFFIX}")) if pair.place else ""
    return replace(pair, port=f"{destination.with_suffix('.py')}:build", place=place)
