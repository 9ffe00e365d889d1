"""Jobs that are killed: conversion, export, training state, encoding, filtering, sampling."""

import hashlib
import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np


@dataclass(frozen=True)
class Job:
    """Something that is killed.

    Attributes
    ----------
    run : callable
        Does it in a folder, where files of an earlier run may lie; goes on where something was begun.
    look : callable
        What there is to see in the folder, as whoever uses the results sees it.
    goes_on : bool
        Whether a next run goes on where a killed one stopped.
    """

    run: Callable[[Path], object]
    look: Callable[[Path], object]
    goes_on: bool = False


def write_kit(folder: Path) -> None:
    """Write what the jobs need: models, tractograms, an atlas, thresholds, and a conversion that is replaced."""
    import torch

    import reference_torch
    from parity_tests.hostile import kit
    from parity_tests.porting.zoo.weights import randomise
    from porting import convert, export
    from tractography.files.headers import header_in_space
    from tractography.files.streamlines import Streamlines
    from tractography.writing.writers import open_writer

    torch.manual_seed(1)
    torch.save(kit.tiny_reference().state_dict(), folder / "old.pt")
    torch.save(kit.tiny_reference().state_dict(), folder / "new.pt")
    (folder / "out").mkdir()
    convert(folder / "old.pt", folder / "out" / "port", pair=kit.tiny_pair(), formats=("keras", "safetensors"))
    convert(folder / "new.pt", folder / "port", pair=kit.tiny_pair())
    export(folder / "out" / "port.keras", folder / "out" / "back.pt", pair=kit.tiny_pair())
    state = randomise(reference_torch.Autoencoder(latent_size=4, point_count=64)).state_dict()
    torch.save({"epoch": 3, "state_dict": state, "lowest_loss": 0.5, "optimizer": {}}, folder / "finta.pt")
    (folder / "atlas").mkdir()
    for seed, name in enumerate(("lines", "atlas/left", "atlas/right")):
        walks = np.random.default_rng(seed).normal(0, 3, (24, 8, 3)).cumsum(1).astype(np.float32)
        with open_writer(folder / f"{name}.trk", header_in_space(".trk", np.eye(4), (100, 100, 100))) as writer:
            writer.append(Streamlines.alike(walks))
    (folder / "thresholds.json").write_text(json.dumps({"left": 0.5, "right": 5.0}))
    _training_state(folder, 1)


def _convert(folder: Path) -> None:
    from parity_tests.hostile import kit
    from porting import convert

    convert(folder / "new.pt", folder / "out" / "port", pair=kit.tiny_pair(), formats=("keras",), force=True)


def _look_at_port(folder: Path) -> object:
    """Which conversion lies there; every file of it must be what the certificate was given for."""
    from porting.evidence.certificates import files_of, hash_file, read_certificate
    from porting.files.staging import finish_moves

    stem = folder / "out" / "port"
    finish_moves(stem)
    certificate = read_certificate(stem.with_name("port.certificate.json"))
    held = {path.name for path in files_of(stem) if path.exists()} - {"port.certificate.json"}
    if held != set(certificate["port"]["files"]):
        raise AssertionError(f"a mixture: {held}")
    for name, certified in certificate["port"]["files"].items():
        if hash_file(stem.with_name(name)) != certified:
            raise AssertionError(f"a mixture: {name}")
    return certificate["source"]["sha256"]


def _export(folder: Path) -> None:
    from parity_tests.hostile import kit
    from porting import export

    export(folder / "port.keras", folder / "out" / "back.pt", pair=kit.tiny_pair(), force=True)


def _look_at_checkpoint(folder: Path) -> object:
    from porting.files.staging import finish_moves
    from porting.reference.files import read_checkpoint

    finish_moves(folder / "out" / "back.pt")
    held = read_checkpoint(folder / "out" / "back.pt").state_dict
    return {name: hashlib.sha256(array.tobytes()).hexdigest() for name, array in held.items()}


def _training_state(folder: Path, step: int = 2) -> None:
    from finta.training.run_folders import Position, RunFolder

    run = RunFolder(folder / "run")
    if not (folder / "run" / "configuration.json").exists():
        run.start({})
    run.keep(Position(step=step), {"a": np.full(1000, step, np.float32)})


def _look_at_state(folder: Path) -> object:
    from finta.training.run_folders import RunFolder

    position, state = RunFolder(folder / "run").go_on({})
    if set(state["a"].tolist()) != {float(position.step)}:
        raise AssertionError("a mixture")
    return position.step


def _encode(folder: Path) -> None:
    from finta.coding.drafts import draft_of
    from finta.coding.encoding import encode_tractogram

    output = folder / "codes.h5"
    begun = draft_of(output).exists()
    encode_tractogram(folder / "lines.trk", folder / "finta.pt", output, resume=begun, force=True)


def _filter(folder: Path) -> None:
    from finta.coding.drafts import draft_of
    from finta.filtering.filtered import Settings
    from finta.filtering.filtering import filter_tractogram

    output = folder / "filtered"
    settings = Settings(folder / "atlas", folder / "thresholds.json", same_space=False)
    begun = draft_of(output).exists()
    filter_tractogram(folder / "lines.trk", folder / "finta.pt", output, settings, resume=begun, force=True)


def _sample(folder: Path) -> None:
    from finta.coding.drafts import draft_of
    from finta.generating.bundle_settings import Choices
    from finta.generating.drafts import place_of
    from finta.generating.generation import sample_bundles
    from porting.errors import OutputError
    from tractography.generating.generation import Settings

    output = folder / "sampled"
    choices = Choices(Settings(number=5, seed=1), ratio=(1.0, 0.0))
    given = [folder / "atlas" / "left.trk", folder / "atlas" / "right.trk"], folder / "finta.pt", output, choices
    try:
        sample_bundles(*given, resume=draft_of(place_of(output)).exists(), force=True)
    except OutputError as error:
        if "is complete" not in str(error) and "Nothing was left" not in str(error):
            raise
        sample_bundles(*given, force=True) if "Nothing" in str(error) else None


def _look_at(name: str) -> Callable[[Path], object]:
    """The bytes of a file or of all in a folder; nothing where it is not there."""

    def look(folder: Path) -> object:
        place = folder / name
        files = sorted(place.rglob("*")) if place.is_dir() else [place] if place.exists() else []
        return {
            str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest()
            for path in files
            if path.is_file() and path.suffix in (".h5", ".trk", ".json")
            and not any(part.startswith(".") for part in path.relative_to(folder).parts)
        }  # fmt: skip

    return look


def _look_at_samples(folder: Path) -> object:
    """What is there once the summary is, which comes last."""
    return _look_at("sampled")(folder) if (folder / "sampled" / "summary.json").exists() else {}


JOBS = {
    "conversion": Job(_convert, _look_at_port),
    "export": Job(_export, _look_at_checkpoint),
    "training state": Job(_training_state, _look_at_state),
    "encoding": Job(_encode, _look_at("codes.h5"), goes_on=True),
    "filtering": Job(_filter, _look_at("filtered"), goes_on=True),
    "sampling": Job(_sample, _look_at_samples, goes_on=True),
}
