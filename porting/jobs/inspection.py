"""Show what a file holds: a checkpoint, a converted checkpoint, a certificate or a golden file."""

import math
import zipfile
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from porting.errors import InputError, PortFileError, first_line
from porting.evidence.certificates import (
    GOLDEN_SUFFIX,
    SUFFIX,
    broken_seal,
    find_certificate,
    read_certificate,
    stem_of,
)
from porting.evidence.golden import read_golden
from porting.files.bounds import UNREADABLE
from porting.files.kinds import FileKind, tensors_kind
from porting.files.staging import finish_moves
from porting.files.tensor_files import read_header
from porting.port.files import FORMATS, read_about, read_shapes
from porting.reference.files import read_checkpoint
from porting.reports.console import probe_words
from porting.wording import counted


def render_file(path: Path) -> RenderableType:
    """What a file holds, told by its name and content.

    Raises
    ------
    InputError
        If there is no such file, or it cannot be read.
    """
    finish_moves(stem_of(path))
    if not path.is_file():
        raise InputError(f"No file at {path}.")
    if path.name.endswith(SUFFIX):
        return Group(*_certificate_lines(path))
    if path.name.endswith(GOLDEN_SUFFIX):
        return Group(*_golden_lines(path))
    is_port = path.name.endswith(tuple(f".{name}" for name in FORMATS))
    if is_port and not _is_torch_safetensors(path):
        return _port(path)
    return _checkpoint(path)


def _is_torch_safetensors(path: Path) -> bool:
    if path.suffix != ".safetensors":
        return False
    with _telling(path):
        held = read_header(path)
    return tensors_kind(held.tensors, held.metadata) is FileKind.PYTORCH


def _shapes(path: Path) -> dict[str, tuple[int, ...]]:
    with _telling(path):
        return read_shapes(path)


@contextmanager
def _telling(path: Path) -> Iterator[None]:
    try:
        yield
    except UNREADABLE as error:
        raise PortFileError(f"{path} cannot be read: {first_line(error)}. It may be truncated.") from error


def _checkpoint(path: Path) -> RenderableType:
    checkpoint = read_checkpoint(path)
    lines = [f"{path}: PyTorch checkpoint, {checkpoint.layout}"]
    lines += [f"{name} {value}" for name, value in checkpoint.extras.items()]
    lines.append(f"{'without' if checkpoint.optimizer is None else 'with'} an optimiser's state")
    rows = [(name, array.shape, str(array.dtype)) for name, array in checkpoint.state_dict.items()]
    return Group(*map(Text, lines), Text(), *_tensors(rows))


def _port(path: Path) -> RenderableType:
    shapes = _shapes(path)
    lines = [f"{path}: converted checkpoint", *_keras_metadata(path), _seal(path)]
    weights = {name: shape for name, shape in shapes.items() if not name.startswith("optimizer/")}
    lines += ["with an optimiser's state"] if len(weights) < len(shapes) else []
    return Group(*map(Text, lines), Text(), *_tensors((name, shape, "") for name, shape in weights.items()))


def _keras_metadata(path: Path) -> Iterator[str]:
    if path.suffix == ".keras":
        try:
            with zipfile.ZipFile(path) as archive:
                config, metadata = read_about(archive)
        except UNREADABLE as error:
            raise PortFileError(f"{path} cannot be read: {first_line(error)}. It may be of another version.") from error
        yield f"{config.get('registered_name') or config['class_name']}, written by Keras {metadata['keras_version']}"


def _seal(path: Path) -> str:
    certificate = find_certificate(path)
    if certificate is None:
        return "no certificate beside it"
    return broken_seal(path) or f"certified: {certificate['verdict']}, {certificate['issued']}"


def _tensors(rows: Iterable[tuple[str, tuple[int, ...], str]]) -> Iterator[RenderableType]:
    table = Table(box=None, header_style="bold", pad_edge=False)
    table.add_column("tensor", overflow="fold")
    for heading in ("shape", "dtype"):
        table.add_column(heading, no_wrap=True)
    count = parameters = 0
    for name, shape, dtype in rows:
        table.add_row(name, " x ".join(map(str, shape)) or "scalar", dtype)
        count, parameters = count + 1, parameters + math.prod(shape)
    yield table
    yield Text(f"{counted(count, 'tensor')}, {counted(parameters, 'value')}")


def _certificate_lines(path: Path) -> Iterator[RenderableType]:
    """What is proven here, by the hashes of files that lie here; then what it says, which anybody can edit."""
    certificate = read_certificate(path)
    yield Text(f"{path}: certificate of {certificate['issued']}, pair {certificate['pair']}")
    yield Text("proven here, by SHA-256: whether these files are those that it was given for")
    yield _rows(_sealed(path, certificate))
    yield Text("repeated, not proven: an edited certificate reads the same. porting verify finds out")
    yield _rows(_repeated(certificate))


def _rows(named: Iterable[tuple[str, str]]) -> RenderableType:
    """Names and words side by side, the words folded rather than cut."""
    rows = Table.grid(padding=(0, 2, 0, 0))
    rows.add_column(no_wrap=True)
    rows.add_column(overflow="fold")
    for name, told in named:
        rows.add_row(f"  {name}", Text(told))
    return rows


def _sealed(path: Path, certificate: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    for name, certified in certificate["port"]["files"].items():
        state = broken_seal(path.with_name(name)) if path.with_name(name).is_file() else "not here"
        yield "file", f"{name} {certified} {state or 'unchanged'}"


def _repeated(certificate: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    source, report = certificate["source"], certificate["report"]
    yield "verdict", certificate["verdict"]
    for part, lines in report["details"].items():
        yield f"  {part}", f"{report.get(part, '-')}: {'; '.join(lines)}"
    yield "checkpoint", f"{source['file']} ({source['layout']}) {source['sha256']}"
    yield "plan", certificate["plan_sha256"]
    yield "probe", probe_words(certificate["probe"])
    yield "versions", _listed(certificate["versions"])
    yield "signed", "yes, which is not looked at" if "signature" in certificate else "no"


def _golden_lines(path: Path) -> Iterator[RenderableType]:
    run, about = read_golden(path)
    yield Text(f"{path}: golden file of pair {about['pair']}, {_listed(about['sizes'])}")
    probe = probe_words({"samples": run.probe.samples, "source": run.probe.source})
    yield Text(f"{probe}; {counted(len(run.trace.calls), 'layer call')} in float64")
    yield Text(f"checkpoint {about['checkpoint']}; {_listed(run.versions)}")
    named = zip(run.trace.call_names(), run.trace.calls, strict=True)
    yield from _tensors((name, call.output.shape, str(call.output.dtype)) for name, call in named)


def _listed(words: Mapping[str, object]) -> str:
    return ", ".join(f"{name} {value}" for name, value in words.items())
