"""What can be said of a job's files and pair before the frameworks are loaded, which takes seconds; then they are."""

from pathlib import Path

from porting.defaults import DEFAULT_PAIR
from porting.errors import CheckpointError, PairError, PortFileError, ProbeError
from porting.evidence.certificates import broken_seal, find_certificate, golden_path, stem_of
from porting.evidence.golden import check_golden_file
from porting.files.kinds import FileKind, kind_of
from porting.files.staging import finish_moves
from porting.pairs.finding import find_pair
from porting.pairs.pair import ModelPair
from porting.port import side as keras_side
from porting.port.files import file_format
from porting.probes import SYNTHETIC
from porting.proof.runs import OnStep
from porting.reference import side as torch_side
from porting.reference.files import check_checkpoint_file


def check_inputs(checkpoint: Path | None, port: Path | None, probe: Path | None = None) -> None:
    """Refuse files that are missing, are not what they should be, or stand in the wrong order.

    Raises
    ------
    InputError
        Naming the first that cannot be used.
    """
    if checkpoint and port:
        _check_order(checkpoint, port)
    if port:
        _check_port(port)
    if checkpoint:
        check_checkpoint_file(checkpoint)
    if probe not in (None, SYNTHETIC) and not probe.is_file():
        raise ProbeError(f"No probe at {probe}: {'it is a folder' if probe.is_dir() else 'no such file'}.")


def check_files(port: Path, checkpoint: Path | None, probe: Path | None) -> None:
    """Refuse what can be known before a framework is loaded: missing or foreign files, and changed bytes.

    Raises
    ------
    InputError
        If a file cannot be used, or the port is no longer what its certificate says.
    """
    finish_moves(stem_of(port))
    check_inputs(checkpoint, port, probe)
    if broken := broken_seal(port):
        raise PortFileError(
            f"Refused: {broken}.\nConvert the checkpoint again, or remove the certificate if the change was meant."
        )
    if checkpoint is not None:
        return
    if probe is not None:
        raise PortFileError("A probe of your own needs the PyTorch checkpoint: a golden file has its own probe.")
    check_golden_file(golden_path(port))
    if broken := broken_seal(golden_path(port)):
        raise PortFileError(f"Refused: {broken}.\nConvert the checkpoint again.")


def _check_order(checkpoint: Path, port: Path) -> None:
    kinds = [kind_of(path) if path.is_file() else FileKind.UNKNOWN for path in (checkpoint, port)]
    if kinds == [FileKind.KERAS, FileKind.PYTORCH]:
        raise CheckpointError(
            f"{checkpoint} is a Keras file and {port} a PyTorch checkpoint: the order is CHECKPOINT PORT.\n"
            f"Give {port} {checkpoint}."
        )


def _check_port(port: Path) -> None:
    if not port.is_file():
        raise PortFileError(f"No converted checkpoint at {port}{': it is a folder' if port.is_dir() else ''}.")
    kind = kind_of(port)
    if kind is FileKind.PYTORCH:
        raise PortFileError(
            f"{port} is {kind.value}, not a converted one. Convert it with porting convert, and give CHECKPOINT PORT."
        )
    if kind is FileKind.CERTIFICATE:
        raise PortFileError(f"{port} is {kind.value}. Give the converted checkpoint beside it.")
    written = file_format(port)
    if kind is not FileKind.KERAS:
        raise PortFileError(
            f"{port} cannot be loaded: it is no .{written} file as Keras writes it. It may be truncated; "
            "convert the checkpoint again."
        )


def found_pair(pair: str | ModelPair | None, port: Path | None = None) -> ModelPair:
    """Find the pair, which the certificate of a port may name.

    Raises
    ------
    PairError
        If there is no such pair.
    """
    keras_side.choose_backend()  # a pair's module may import Keras
    return find_pair(pair or _certified_pair(port))


def _certified_pair(port: Path | None) -> str:
    """The registered pair that a port's certificate names: no file makes the tool import a module."""
    certified = (find_certificate(port) or {}).get("pair", DEFAULT_PAIR) if port else DEFAULT_PAIR
    if ":" in certified:
        raise PairError(
            f"The certificate of {port} names the pair {certified}, whose module would be run as it is imported.\n"
            f"Where you trust that module, give it yourself: --pair {certified}."
        )
    return certified


def load_frameworks(on_step: OnStep, *, torch: bool = True) -> None:
    """Load Keras, and PyTorch where it is needed.

    Raises
    ------
    PortingError
        If one of them is not installed.
    """
    if torch:
        on_step("loading PyTorch")
        torch_side.prepare()  # what is missing is told before Keras is loaded
    on_step("loading Keras")
    keras_side.prepare()
