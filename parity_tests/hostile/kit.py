"""A good file of each format that people hand to each other."""

import json
import shutil
from pathlib import Path

import numpy as np

BUNDLES = ("left", "right")


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


SETTINGS = {
    "thresholds.json": {name: {"equal_error": 2.5, "youden": 2.0, "best_accuracy": 3} for name in BUNDLES},
    "published.json": {"left": 2.5, "right": 3},
    "classes.json": {"left": 7, "right": 8},
    "ratios.json": {"left": [0.3, 0.7], "right": [1, 0]},
    "degrees.json": {"left": 30, "right": 45.5},
    "counts.json": {"left": 3000, "right": 20},
}


def write_kit(folder: Path) -> None:
    """Write one good file of each format into a folder."""
    import torch

    from finta.coding.rows import RowFile
    from porting import convert
    from porting.evidence.recordings import write_recording
    from tractography.batches.batches import write_batches
    from tractography.batches.packing import pack_batches

    torch.manual_seed(1)
    model = tiny_reference()
    content = {"epoch": 3, "state_dict": model.state_dict(), "lowest_loss": 0.5, "optimizer": {"state": {}}}
    torch.save(content, folder / "model.pt")
    torch.save(content, folder / "legacy.pt", _use_new_zipfile_serialization=False)
    formats = ("keras", "weights.h5", "safetensors")
    convert(folder / "model.pt", folder / "port", pair=tiny_pair(), formats=formats)
    shutil.copy(folder / "port.golden.h5", folder / "good.golden.h5")
    from safetensors.torch import save_file

    save_file(model.state_dict(), folder / "tensors.safetensors")
    draw = np.random.default_rng(1)
    lines = draw.normal(0, 3, (30, 8, 3)).cumsum(1).astype(np.float32)
    classes = {"1": lines[:10], "20": lines[10:20]}
    write_batches(folder / "batches.h5", {"train": classes, "thres": classes, "test": {"1": lines[20:]}})
    pack_batches(folder / "batches.h5", folder / "packed.h5")
    for name, held in SETTINGS.items():
        (folder / name).write_text(json.dumps(held))
    shutil.copy(Path(__file__).parents[2] / "finta/training/recipes/original.yaml", folder / "recipe.yaml")
    _write_tractograms(folder, lines)
    _write_images(folder, draw)
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


def _write_tractograms(folder: Path, lines: np.ndarray) -> None:
    from tractography.files.headers import header_in_space
    from tractography.files.streamlines import Streamlines
    from tractography.writing.writers import open_writer

    for suffix in (".trk", ".tck", ".trx"):
        with open_writer(folder / f"lines{suffix}", header_in_space(suffix, np.eye(4), (100, 100, 100))) as writer:
            writer.append(Streamlines.alike(lines))


def _write_images(folder: Path, draw: np.random.Generator) -> None:
    import nibabel

    peaks = draw.normal(size=(4, 4, 4, 6)).astype(np.float32)
    nibabel.save(nibabel.Nifti1Image(peaks, np.eye(4)), folder / "peaks.nii")
    nibabel.save(nibabel.Nifti1Image(np.ones((6, 6, 6), np.uint8), np.eye(4)), folder / "mask.nii.gz")


def _write_state(folder: Path) -> None:
    from finta.training.run_folders import Position, RunFolder

    run = RunFolder(folder / "run")
    run.start({"recipe": "x"})
    run.keep(Position(step=3, best_loss=1.0), {"weights/a": np.arange(6, dtype=np.float32), "rng": np.arange(2)})
    shutil.copy(next((folder / "run/states").iterdir()), folder / "state.safetensors")
