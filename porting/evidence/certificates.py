"""Certificates: a port's bytes bound by hash to its source, its plan, its probe, the versions and the verdict.

Needs nothing beyond Python, so that loading a port can look at its certificate.
"""

import hashlib
import json
import os
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from porting.errors import PortFileError, first_line
from porting.files.bounds import read_json
from porting.files.schemas import (
    ANYTHING,
    COUNT,
    NOTHING,
    NUMBER,
    SCALAR,
    TEXT,
    Each,
    Kind,
    check_schema,
    find_infinite,
)

VERSION = 1
SCHEMA = "porting-certificate/1"
"""Name and version of the schema that lies with those of reports; certificates of 0.1.0 name none."""
SUFFIX = ".certificate.json"
GOLDEN_SUFFIX = ".golden.h5"
_WORST = (NUMBER, NOTHING, TEXT)
"""A figure of a report: null where it was not checked, the word "inf" where it is infinite."""

_ROW = {"float64_input_error?": _WORST, "float64_output_error?": _WORST, "float32_ratio?": _WORST}
_SETTING = (SCALAR, [SCALAR])
_FORMAT: Any = {
    "certificate": COUNT,
    "pair": TEXT,
    "verdict": Kind("PASS, FAIL or NOT CHECKED", lambda word: word in ("PASS", "FAIL", "NOT CHECKED")),
    "issued": TEXT,
    "plan_sha256": TEXT,
    "source": {"file": TEXT, "sha256": TEXT, "layout": TEXT, "extras": Each(SCALAR), "optimizer?": Each(_SETTING)},
    "sizes": Each(ANYTHING),
    "port": {"files": Each(TEXT)},
    "probe": {"source": TEXT, "samples": COUNT, "sha256": TEXT},
    "versions": Each(TEXT),
    "report": {"details": Each([TEXT]), "layers": [_ROW], "outputs": [_ROW]},
    "signature?": ANYTHING,
}
"""What a certificate holds. ``signature`` is kept free: one over the rest of the file, as whoever signs may write it;
nothing reads it yet, and a file with it is read as one without."""

_PORT_SUFFIXES = (".keras", ".weights.h5", ".safetensors")


def hash_file(path: str | os.PathLike) -> str:
    """SHA-256 of a file's bytes."""
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def stem_of(port: Path) -> Path:
    """Path that a port, its certificate and its golden file share, without their suffixes."""
    for suffix in (*_PORT_SUFFIXES, SUFFIX, GOLDEN_SUFFIX):
        if port.name.endswith(suffix):
            return port.with_name(port.name.removesuffix(suffix))
    return port


def certificate_path(port: Path) -> Path:
    """Where the certificate of a port lies."""
    stem = stem_of(port)
    return stem.with_name(stem.name + SUFFIX)


def golden_path(port: Path) -> Path:
    """Where the golden file of a port lies."""
    stem = stem_of(port)
    return stem.with_name(stem.name + GOLDEN_SUFFIX)


def output_stem(output: str | os.PathLike, checkpoint: Path) -> Path:
    """The path of the files to write, without their suffixes: in a folder they are called as the checkpoint is."""
    text, path = os.fspath(output), Path(output)
    if os.path.isdir(path) or text.endswith(("/", os.sep)):  # False as well where the name is too long
        return path / checkpoint.stem
    return stem_of(path)


def files_of(stem: Path) -> list[Path]:
    """All files that a conversion to a stem may write."""
    return [stem.with_name(stem.name + suffix) for suffix in (*_PORT_SUFFIXES, SUFFIX, GOLDEN_SUFFIX)]


def read_certificate(path: Path) -> dict[str, Any]:
    """Read a certificate.

    Raises
    ------
    PortFileError
        If it is not one.
    """
    try:
        certificate = read_json(path)
        if not isinstance(certificate, dict) or certificate.get("certificate") != VERSION:
            raise PortFileError(f"{path} is no readable certificate of version {VERSION}. Convert again.")
        check_schema(certificate, _FORMAT)
        _check_finite(certificate)
    except (OSError, ValueError) as error:
        raise PortFileError(f"{path} is no readable certificate: {first_line(error)}. Convert again.") from error
    if foreign := [name for name in certificate["port"]["files"] if not _is_plain_name(name)]:
        raise PortFileError(f"{path} names {foreign[0]!r} among its files: no plain name. Refused.")
    return certificate


def _check_finite(certificate: Mapping[str, Any]) -> None:
    """Refuse NaN and infinities, which are no JSON, but for those that `export` puts back into the checkpoint.

    Raises
    ------
    ValueError
        If there are any.
    """
    own = {name: held for name, held in certificate.items() if name != "source"}
    if place := next(find_infinite(own), ""):
        raise ValueError(f"{place} is NaN or infinite, which is no JSON")


def _is_plain_name(name: str) -> bool:
    length = len(name.encode("utf-8", "surrogatepass"))
    return length <= _LONGEST_NAME and name not in ("", ".", "..") and not set(name) & {"/", "\\", "\0"}


_LONGEST_NAME = 255
"""Bytes; no file system has longer ones."""


def find_certificate(port: Path) -> dict[str, Any] | None:
    """The certificate beside a port, if there is one."""
    path = certificate_path(port)
    return read_certificate(path) if path.is_file() else None


def broken_seal(port: Path) -> str:
    """Say how a port differs from what its certificate was given for; empty where it does not, or has none."""
    certificate = find_certificate(port)
    if certificate is None:
        return ""
    certified = certificate["port"]["files"].get(port.name)
    if certified is None:
        return f"{port.name} is not in {certificate_path(port).name}, which certifies another format of it"
    if certified != hash_file(port):
        return f"the bytes of {port} are not those that {certificate_path(port).name} certifies"
    return ""


def bad_verdict(port: Path) -> str:
    """Say so if the certificate beside a port has another verdict than PASS; empty where there is none."""
    verdict = (find_certificate(port) or {"verdict": "PASS"})["verdict"]
    return "" if verdict == "PASS" else f"the verdict on {port} is {verdict}"


def write_certificate(
    path: Path,
    pair: str,
    source: Mapping[str, Any],
    sizes: Mapping[str, Any],
    files: Sequence[Path],
    report: Mapping[str, Any],
) -> None:
    """Bind the bytes of `files` to their source and to the report of their verification; `pair` finds it again."""
    certificate = {
        "schema": SCHEMA,
        "certificate": VERSION,
        "pair": pair,
        "verdict": report["verdict"],
        "issued": datetime.now(UTC).isoformat(timespec="seconds"),
        "source": dict(source),
        "sizes": dict(sizes),
        "port": {"files": {file.name: hash_file(file) for file in files}},
        "plan_sha256": report["hashes"]["plan"],
        "probe": report["probe"],
        "versions": report["versions"],
        "report": report,
    }
    path.write_text(json.dumps(certificate, indent=1) + "\n")
