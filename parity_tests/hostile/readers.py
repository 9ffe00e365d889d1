"""Every reader of a file that people hand to each other."""

from collections.abc import Callable
from pathlib import Path

import numpy as np

from parity_tests.hostile.kit import BUNDLES, tiny_pair


class WrongWeightsError(Exception):
    """A reader that took other numbers out of a file than the format's own library."""


def read_checkpoint(path: Path) -> None:
    """Whatever is read must be what PyTorch itself reads of the file."""
    import torch

    from porting.jobs.verification import hash_as_torch_reads
    from porting.reference.files import read_checkpoint

    found = read_checkpoint(path)
    hash_as_torch_reads(found)
    if path.suffix == ".safetensors":
        from safetensors import SafetensorError
        from safetensors.torch import load_file

        try:
            held = load_file(path)
        except (SafetensorError, ValueError, TypeError, KeyError, AttributeError, RuntimeError):
            held = None
    else:
        content = torch.load(path, map_location="cpu", weights_only=True, mmap=False)
        held = next((content[key] for key in ("state_dict",) if key in content), content)
    for name, array in (found.with_prefix().state_dict if held is not None else {}).items():
        theirs = held[name].to(torch.float32) if held[name].is_floating_point() else held[name]
        if theirs.detach().numpy().tobytes() != np.ascontiguousarray(array).tobytes() and array.dtype.kind != "V":
            raise WrongWeightsError(name)
    _inspect(path)


def _inspect(path: Path) -> None:
    """What is shown of a file holds no control characters."""
    from porting.foreign import shown_lines
    from porting.jobs.inspection import render_file

    text = "".join(shown_lines(render_file(path), 100))
    if not text.isprintable():
        raise AssertionError("control characters reach the terminal")


def read_keras(path: Path) -> None:
    from porting.pairs.finding import draw_probe
    from porting.port.files import read_port

    _inspect(path)
    pair = tiny_pair()
    read_port(path, pair, {}, lambda: draw_probe(pair, {}, None, 1))


def read_certificate(path: Path) -> None:
    from porting.evidence.certificates import bad_verdict, broken_seal, read_certificate
    from porting.evidence.drift import worst_figures

    _inspect(path)
    certificate = read_certificate(path)
    worst_figures([*certificate["report"]["layers"], *certificate["report"]["outputs"]])
    port = path.with_name("port.keras")
    broken_seal(port)
    bad_verdict(port)


def read_golden(path: Path) -> None:
    from porting.evidence.golden import read_golden

    read_golden(path)
    _inspect(path)


def read_batches(path: Path) -> None:
    from tractography.batches.batches import draw_balanced, inspect_batches, read_in_batches

    held = inspect_batches(path)
    draw_balanced(path, 5)
    for split in held.counts:
        for _ in read_in_batches(path, split, 4):
            pass


def read_thresholds(path: Path) -> None:
    from tractography.filtering.thresholds import read_thresholds

    read_thresholds(path, BUNDLES)


def read_classes(path: Path) -> None:
    from finta.filtering.atlases import read_classes

    np.array(list(read_classes(path, BUNDLES).values()), np.int64)


def read_settings(name: str) -> Callable[[Path], object]:
    def read(path: Path) -> object:
        from finta.generating.bundle_settings import Choices, settings_of_bundles
        from tractography.generating.generation import Settings

        return settings_of_bundles(list(BUNDLES), Choices(Settings(number=10), files={name: path}), True)

    return read


def read_degrees(path: Path) -> object:
    from finta.generating.anatomy_files import AnatomyFiles
    from finta.generating.bundle_settings import Choices, settings_of_bundles
    from tractography.generating.generation import Settings

    anatomy = AnatomyFiles(peaks=path.with_name("peaks.nii"))
    choices = Choices(Settings(number=10), anatomy=anatomy, files={"degrees": path})
    return settings_of_bundles(list(BUNDLES), choices, True)


def read_image(path: Path) -> object:
    from tractography.generating.volumes import read_mask, read_peaks

    return read_peaks(path) if path.suffix == ".nii" else read_mask(path)


def read_recipe(path: Path) -> object:
    from finta.training.configurations import read_configuration

    return read_configuration(path)


def read_tractogram(path: Path) -> None:
    from tractography.files.pieces import open_tractogram

    with open_tractogram(path) as file:
        held = file.read(0, min(file.count, 100_000))
        held.select(held.usable()).resampled(16)


class _Decoder:
    """Decodes nothing: what is tried is how codes are read."""

    latent_size = 4

    def decode(self, codes: np.ndarray) -> np.ndarray:
        return np.zeros((len(codes), 8, 3), np.float32)


def read_codes(path: Path) -> None:
    from finta.coding.reconstruction import _decode_file

    for _ in _decode_file(path, _Decoder()):
        pass


def read_assignments(path: Path) -> None:
    from finta.coding.rows import RowFile

    columns = {"labels": (np.int32, ()), "distances": (np.float32, ())}
    with RowFile(path.with_name("assignments.h5"), columns, 30, {"model": "x"}, resume=True) as rows:
        rows.missing()
        for _ in rows.pieces():
            pass


def read_probe(path: Path) -> None:
    from porting.probes import read_probe, read_probe_batches

    read_probe((), path, 3)
    for _ in read_probe_batches(path, 2).batches:
        pass


def read_recording(path: Path) -> None:
    from porting.evidence.recordings import read_recording

    read_recording(path)


def read_state(path: Path) -> None:
    from finta.training.run_folders import RunFolder

    RunFolder(path.parents[1]).go_on({"recipe": "x"})
