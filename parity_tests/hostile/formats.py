"""A good file of each format that people hand to each other, and every reader of it."""

import json
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from parity_tests.hostile import mutations
from parity_tests.hostile.mutations import Mutation

BUNDLES = ("left", "right")


class WrongWeightsError(Exception):
    """A reader that took other numbers out of a file than the format's own library."""


@dataclass(frozen=True)
class Format:
    """A kind of file.

    Attributes
    ----------
    file : str
        What its file is called; others of its kit lie beside it.
    read : callable
        Calls every reader; raises the project's own errors, or none.
    change : callable
        Damages it.
    """

    file: str
    read: Callable[[Path], object]
    change: Mutation


def tiny_reference():
    import torch

    return torch.nn.Sequential(torch.nn.Linear(4, 6), torch.nn.ReLU(), torch.nn.BatchNorm1d(6), torch.nn.Linear(6, 2))


def tiny_port():
    import keras

    layers = keras.layers
    norm = layers.BatchNormalization(epsilon=1e-5, momentum=0.9, name="norm")
    dense = [layers.Dense(6, name="first"), layers.ReLU(name="relu"), norm, layers.Dense(2, name="last")]
    return keras.Sequential([keras.Input((4,)), *dense])


def tiny_pair():
    from porting import ModelPair

    return ModelPair(name="tiny", reference=tiny_reference, port=tiny_port, input_shapes=((4,),))


def write_kit(folder: Path) -> None:
    """Write one good file of each format into a folder."""
    import torch

    from finta.coding.rows import RowFile
    from porting import convert
    from porting.evidence.recordings import write_recording
    from tractography.batches.batches import write_batches
    from tractography.batches.packing import pack_batches
    from tractography.files.headers import header_in_space
    from tractography.files.streamlines import Streamlines
    from tractography.writing.writers import open_writer

    torch.manual_seed(1)
    model = tiny_reference()
    content = {"epoch": 3, "state_dict": model.state_dict(), "lowest_loss": 0.5, "optimizer": {"state": {}}}
    torch.save(content, folder / "model.pt")
    torch.save(content, folder / "legacy.pt", _use_new_zipfile_serialization=False)
    formats = ("keras", "weights.h5", "safetensors")
    convert(folder / "model.pt", folder / "port", pair=tiny_pair(), formats=formats)
    from safetensors.torch import save_file

    save_file(model.state_dict(), folder / "tensors.safetensors")
    draw = np.random.default_rng(1)
    lines = draw.normal(0, 3, (30, 8, 3)).cumsum(1).astype(np.float32)
    classes = {"1": lines[:10], "20": lines[10:20]}
    write_batches(folder / "batches.h5", {"train": classes, "thres": classes, "test": {"1": lines[20:]}})
    pack_batches(folder / "batches.h5", folder / "packed.h5")
    values = {
        "thresholds.json": {name: {"equal_error": 2.5, "youden": 2.0, "best_accuracy": 3} for name in BUNDLES},
        "published.json": {"left": 2.5, "right": 3},
        "classes.json": {"left": 7, "right": 8},
        "ratios.json": {"left": [0.3, 0.7], "right": [1, 0]},
        "degrees.json": {"left": 30, "right": 45.5},
        "counts.json": {"left": 3000, "right": 20},
    }
    for name, held in values.items():
        (folder / name).write_text(json.dumps(held))
    shutil.copy(Path(__file__).parents[2] / "finta/training/recipes/original.yaml", folder / "recipe.yaml")
    for suffix in (".trk", ".tck", ".trx"):
        with open_writer(folder / f"lines{suffix}", header_in_space(suffix, np.eye(4), (100, 100, 100))) as writer:
            writer.append(Streamlines.alike(lines))
    with RowFile(folder / "codes.h5", {"latent_codes": (np.float32, (4,))}, 30, {}) as rows:
        for held in rows.missing():
            rows.put(held, {"latent_codes": draw.normal(size=(30, 4))})
        rows.finish(skipped=0)
    columns = {"labels": (np.int32, ()), "distances": (np.float32, ())}
    RowFile(folder / "assignments.h5", columns, 30, {"model": "x"}).__enter__()._release()
    np.savez(folder / "probe.npz", a=draw.normal(size=(5, 4)).astype(np.float32), b=np.arange(5))
    np.savez_compressed(folder / "packed.npz", a=draw.normal(size=(5, 4)).astype(np.float32))
    np.save(folder / "probe.npy", draw.normal(size=(5, 4)))
    write_recording(folder / "recording.h5", {"a": lines, "b": np.arange(3)})
    _write_state(folder)


def _write_state(folder: Path) -> None:
    from finta.training.run_folders import Position, RunFolder

    run = RunFolder(folder / "run")
    run.start({"recipe": "x"})
    run.keep(Position(step=3, best_loss=1.0), {"weights/a": np.arange(6, dtype=np.float32), "rng": np.arange(2)})
    shutil.copy(next((folder / "run/states").iterdir()), folder / "state.safetensors")


def _read_checkpoint(path: Path) -> None:
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


def _read_keras(path: Path) -> None:
    from porting.pairs.finding import draw_probe
    from porting.port.files import read_port

    _inspect(path)
    pair = tiny_pair()
    read_port(path, pair, {}, draw_probe(pair, {}, None, 1))


def _read_certificate(path: Path) -> None:
    from porting.evidence.certificates import bad_verdict, broken_seal, read_certificate
    from porting.evidence.drift import worst_figures

    _inspect(path)
    certificate = read_certificate(path)
    worst_figures([*certificate["report"]["layers"], *certificate["report"]["outputs"]])
    port = path.with_name("port.keras")
    broken_seal(port)
    bad_verdict(port)


def _read_golden(path: Path) -> None:
    from porting.evidence.golden import read_golden

    read_golden(path)
    _inspect(path)


def _read_batches(path: Path) -> None:
    from tractography.batches.batches import draw_balanced, inspect_batches, read_in_batches

    held = inspect_batches(path)
    draw_balanced(path, 5)
    for split in held.counts:
        for _ in read_in_batches(path, split, 4):
            pass


def _read_thresholds(path: Path) -> None:
    from tractography.filtering.thresholds import read_thresholds

    read_thresholds(path, BUNDLES)


def _read_classes(path: Path) -> None:
    from finta.filtering.atlases import read_classes

    np.array(list(read_classes(path, BUNDLES).values()), np.int64)


def _read_settings(name: str) -> Callable[[Path], object]:
    def read(path: Path) -> object:
        from finta.generating.bundle_settings import Choices, settings_of_bundles
        from tractography.generating.generation import Settings

        return settings_of_bundles(list(BUNDLES), Choices(Settings(number=10), files={name: path}), True)

    return read


def _read_recipe(path: Path) -> object:
    from finta.training.configurations import read_configuration

    return read_configuration(path)


def _read_tractogram(path: Path) -> None:
    from tractography.files.pieces import open_tractogram

    with open_tractogram(path) as file:
        held = file.read(0, min(file.count, 100_000))
        held.select(held.usable()).resampled(16)


class _Decoder:
    """Decodes nothing: what is tried is how codes are read."""

    latent_size = 4

    def decode(self, codes: np.ndarray) -> np.ndarray:
        return np.zeros((len(codes), 8, 3), np.float32)


def _read_codes(path: Path) -> None:
    from finta.coding.reconstruction import _decode_file

    for _ in _decode_file(path, _Decoder()):
        pass


def _read_assignments(path: Path) -> None:
    from finta.coding.rows import RowFile

    columns = {"labels": (np.int32, ()), "distances": (np.float32, ())}
    with RowFile(path.with_name("assignments.h5"), columns, 30, {"model": "x"}, resume=True) as rows:
        rows.missing()
        for _ in rows.pieces():
            pass


def _read_probe(path: Path) -> None:
    from porting.probes import read_probe, read_probe_batches

    read_probe((), path, 3)
    for _ in read_probe_batches(path, 2).batches:
        pass


def _read_recording(path: Path) -> None:
    from porting.evidence.recordings import read_recording

    read_recording(path)


def _read_state(path: Path) -> None:
    from finta.training.run_folders import RunFolder

    RunFolder(path.parents[1]).go_on({"recipe": "x"})


FORMATS = {
    "PyTorch, zip": Format("model.pt", _read_checkpoint, mutations.change_archive),
    "PyTorch, legacy": Format("legacy.pt", _read_checkpoint, mutations.change_bytes),
    "safetensors": Format("tensors.safetensors", _read_checkpoint, mutations.change_tensors),
    "port, safetensors": Format("port.safetensors", _read_keras, mutations.change_tensors),
    "port, .keras": Format("port.keras", _read_keras, mutations.change_archive),
    "port, .weights.h5": Format("port.weights.h5", _read_keras, mutations.change_hdf5),
    "certificate": Format("port.certificate.json", _read_certificate, mutations.change_json),
    "golden file": Format("port.golden.h5", _read_golden, mutations.change_hdf5),
    "recording": Format("recording.h5", _read_recording, mutations.change_hdf5),
    "batches, published": Format("batches.h5", _read_batches, mutations.change_hdf5),
    "batches, packed": Format("packed.h5", _read_batches, mutations.change_hdf5),
    "thresholds": Format("thresholds.json", _read_thresholds, mutations.change_json),
    "thresholds, published": Format("published.json", _read_thresholds, mutations.change_json),
    "classes": Format("classes.json", _read_classes, mutations.change_json),
    "ratios": Format("ratios.json", _read_settings("ratios"), mutations.change_json),
    "degrees": Format("degrees.json", _read_settings("degrees"), mutations.change_json),
    "samplings": Format("counts.json", _read_settings("max_total_sampling"), mutations.change_json),
    "recipe": Format("recipe.yaml", _read_recipe, mutations.change_bytes),
    "TRK": Format("lines.trk", _read_tractogram, mutations.change_bytes),
    "TCK": Format("lines.tck", _read_tractogram, mutations.change_bytes),
    "TRX": Format("lines.trx", _read_tractogram, mutations.change_archive),
    "latent codes": Format("codes.h5", _read_codes, mutations.change_hdf5),
    "assignments": Format(".assignments.h5.unfinished", _read_assignments, mutations.change_hdf5),
    "probe, .npz": Format("probe.npz", _read_probe, mutations.change_archive),
    "probe, packed .npz": Format("packed.npz", _read_probe, mutations.change_archive),
    "probe, .npy": Format("probe.npy", _read_probe, mutations.change_bytes),
    "training state": Format("run/states/step-000000003.safetensors", _read_state, mutations.change_tensors),
}
