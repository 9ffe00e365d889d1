"""Each format of files that people hand to each other: its file, its readers, and what damages it."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from parity_tests.hostile import contradictions, mutations, readers
from parity_tests.hostile.mutations import Mutation


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
    is_heavy : bool
        Whether its readers build models, or walk through HDF5 files.
    """

    file: str
    read: Callable[[Path], object]
    change: Mutation
    is_heavy: bool = False


FORMATS = {
    "PyTorch, zip": Format("model.pt", readers.read_checkpoint, mutations.change_archive, is_heavy=True),
    "PyTorch, legacy": Format("legacy.pt", readers.read_checkpoint, mutations.change_bytes, is_heavy=True),
    "safetensors": Format("tensors.safetensors", readers.read_checkpoint, mutations.change_tensors),
    "port, safetensors": Format("port.safetensors", readers.read_keras, mutations.change_tensors),
    "port, .keras": Format("port.keras", readers.read_keras, mutations.change_archive, is_heavy=True),
    "port, .weights.h5": Format("port.weights.h5", readers.read_keras, mutations.change_hdf5, is_heavy=True),
    "certificate": Format("port.certificate.json", readers.read_certificate, mutations.change_json),
    "golden file": Format("port.golden.h5", readers.read_golden, mutations.change_hdf5, is_heavy=True),
    "golden file, certified": Format(
        "port.golden.h5", contradictions.replay, contradictions.change_golden, is_heavy=True
    ),
    "recording": Format("recording.h5", readers.read_recording, mutations.change_hdf5, is_heavy=True),
    "batches, published": Format("batches.h5", readers.read_batches, mutations.change_hdf5, is_heavy=True),
    "batches, packed": Format("packed.h5", readers.read_batches, mutations.change_hdf5, is_heavy=True),
    "thresholds": Format("thresholds.json", readers.read_thresholds, mutations.change_json),
    "thresholds, published": Format("published.json", readers.read_thresholds, mutations.change_json),
    "classes": Format("classes.json", readers.read_classes, mutations.change_json),
    "ratios": Format("ratios.json", readers.read_settings("ratios"), mutations.change_json),
    "degrees": Format("degrees.json", readers.read_degrees, mutations.change_json),
    "samplings": Format("counts.json", readers.read_settings("max_total_sampling"), mutations.change_json),
    "recipe": Format("recipe.yaml", readers.read_recipe, mutations.change_yaml),
    "image": Format("peaks.nii", readers.read_image, mutations.change_bytes),
    "image, .nii.gz": Format("mask.nii.gz", readers.read_image, mutations.change_gzip),
    "TRK": Format("lines.trk", readers.read_tractogram, mutations.change_bytes),
    "TCK": Format("lines.tck", readers.read_tractogram, mutations.change_bytes),
    "TRX": Format("lines.trx", readers.read_tractogram, mutations.change_archive, is_heavy=True),
    "latent codes": Format("codes.h5", readers.read_codes, mutations.change_hdf5, is_heavy=True),
    "assignments": Format(".assignments.h5.unfinished", readers.read_assignments, mutations.change_hdf5, is_heavy=True),
    "probe, .npz": Format("probe.npz", readers.read_probe, mutations.change_archive, is_heavy=True),
    "probe, packed .npz": Format("packed.npz", readers.read_probe, mutations.change_archive, is_heavy=True),
    "probe, .npy": Format("probe.npy", readers.read_probe, mutations.change_bytes),
    "training state": Format("run/states/step-000000003.safetensors", readers.read_state, mutations.change_tensors),
}
