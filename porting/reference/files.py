"""Read and write PyTorch checkpoints: the published dict, wrapped or bare state dicts, safetensors."""

import os
import zipfile
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np

from porting.errors import CheckpointError, first_line
from porting.files.bounds import check_declared
from porting.files.kinds import FileKind, kind_of
from porting.files.placement import library_writes
from porting.files.tensor_files import read_tensors
from porting.reference.archives.mapped import release
from porting.reference.archives.pickles import read_pickle

WRAPPERS = ("state_dict", "model_state_dict", "model", "weights", "net")
"""Keys under which training loops are known to keep the state dict."""

OPTIMISERS = ("optimizer", "optimizer_state_dict")
"""Keys under which they keep the optimiser's state."""

PREFIXES = ("module.", "_orig_mod.")
"""What DataParallel and torch.compile put before every name."""


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """What a checkpoint file holds.

    Attributes
    ----------
    path : Path
    layout : str
        How the state dict was found in the file, in words.
    state_dict : Mapping
        Name -> array, in the reference's axis order; memory-mapped where the format allows it.
    extras : Mapping
        The numbers and words that stood beside the state dict: epoch, lowest_loss.
    optimizer : Mapping, optional
        The state dict of an optimiser that stood beside it.
    mapped : frozenset of str
        The tensors whose arrays are mapped from the file and not in memory.
    prefix : str
        What stood before every name in the file.
    """

    path: Path
    layout: str
    state_dict: Mapping[str, np.ndarray]
    extras: Mapping[str, Any] = field(default_factory=dict)
    optimizer: Mapping[str, Any] | None = None
    mapped: frozenset[str] = frozenset()
    prefix: str = ""

    def with_prefix(self) -> "Checkpoint":
        """The same checkpoint with the names that its tensors have in the file."""
        state_dict = {self.prefix + name: array for name, array in self.state_dict.items()}
        return replace(self, state_dict=state_dict, mapped=frozenset(self.prefix + name for name in self.mapped))

    def release(self, *names: str) -> None:
        """Let the pages of some tensors, or of all, leave memory until they are read again."""
        for name in self.mapped.intersection(names or self.mapped):
            release(self.state_dict[name])


def read_checkpoint(path: str | os.PathLike, *, is_mapped: bool = True) -> Checkpoint:
    """Read a checkpoint without running any code that it may carry.

    Parameters
    ----------
    path : path
        ``.safetensors``, or anything that ``torch.load(weights_only=True)`` reads.
    is_mapped : bool
        Map the tensors of a zip archive instead of reading them, where they lie in it as they are.

    Raises
    ------
    CheckpointError
        If the file cannot be read, is no checkpoint, or would run code.
    """
    path = Path(path)
    check_checkpoint_file(path)
    is_mapped = is_mapped and _is_mappable(path)
    content = _read_safetensors(path) if path.suffix == ".safetensors" else read_pickle(path, is_mapped)
    wrapper, tensors = _find_state_dict(content, path)
    prefix = _common_prefix(tensors)
    outside = {key: value for key, value in content.items() if isinstance(value, (int, float, str))} if wrapper else {}
    layout = " ".join(
        part
        for part in (
            "safetensors" if path.suffix == ".safetensors" else "state dict",
            f'under "{wrapper}"' if wrapper else "",
            f'with "{prefix}" before every name' if prefix else "",
            "in float64, rounded to float32" if _are_wide(tensors) else "",
        )
        if part
    )
    state_dict = {name.removeprefix(prefix): _as_array(tensor, name, path) for name, tensor in tensors.items()}
    found = [content[key] for key in OPTIMISERS if isinstance(content.get(key), Mapping)] if wrapper else []
    optimizer = found[0] if found else None
    mapped = _mapped(state_dict, tensors) if is_mapped else frozenset()
    return Checkpoint(path, layout, state_dict, outside, optimizer, mapped, prefix)


def _are_wide(tensors: Mapping[str, Any]) -> bool:
    return any(str(tensor.dtype).endswith("float64") for tensor in tensors.values())


def check_checkpoint_file(path: Path) -> None:
    """Find out without PyTorch whether a file is there and may be a checkpoint of PyTorch's.

    Raises
    ------
    CheckpointError
        If it is not there, is empty, or is of another kind.
    """
    if not path.is_file():
        raise CheckpointError(f"No checkpoint at {path}: {'it is a folder' if path.is_dir() else 'no such file'}.")
    if not path.stat().st_size:
        raise CheckpointError(f"{path} is empty. Copy or download the checkpoint again.")
    if (kind := kind_of(path)) not in (FileKind.PYTORCH, FileKind.UNKNOWN):
        raise CheckpointError(
            f"{path} is {kind.value}, not a PyTorch checkpoint (.pt or .safetensors)."
            + (" porting export makes one of it." if kind is FileKind.KERAS else "")
        )


def _common_prefix(names: Iterable[str]) -> str:
    """The wrappers' prefixes that stand before every name, one after the other."""
    prefix = ""
    while more := next((p for p in PREFIXES if all(name.startswith(prefix + p) for name in names)), ""):
        prefix += more
    return prefix


def _mapped(state_dict: Mapping[str, np.ndarray], tensors: Mapping[str, Any]) -> frozenset[str]:
    """Tensors that torch mapped from a zip archive and that nobody had to widen."""
    pairs = zip(state_dict.items(), tensors.values(), strict=True)
    return frozenset(name for (name, array), tensor in pairs if _is_view(array, tensor))


def _is_view(array: np.ndarray, tensor: Any) -> bool:
    """Whether an array is all of a tensor's own storage, so that its bytes are the file's and nothing else."""
    storage = tensor.untyped_storage()
    first = array.ctypes.data - storage.data_ptr()
    return array.flags.c_contiguous and first >= 0 and first + array.nbytes <= storage.nbytes()


def _is_mappable(path: Path) -> bool:
    """Whether a file is a zip archive whose members lie in it as they are: torch would map compressed bytes, too."""
    if path.suffix == ".safetensors":
        return False
    with path.open("rb") as file:
        if file.read(4) != b"PK\x03\x04":
            return False
    try:
        with zipfile.ZipFile(path) as archive:
            return all(member.compress_type == zipfile.ZIP_STORED for member in archive.infolist())
    except (zipfile.BadZipFile, ValueError, OSError, NotImplementedError):
        return False


def _read_safetensors(path: Path) -> dict[str, Any]:
    try:
        return dict(read_tensors(path))
    except (OSError, ValueError) as error:
        raise CheckpointError(
            f"{path} is no readable safetensors file: {first_line(error)}. Copy or download it again."
        ) from error


def _find_state_dict(content: Any, path: Path) -> tuple[str, Mapping[str, Any]]:
    """The key that the state dict stood under ("" where the file is one) and the state dict."""
    if not isinstance(content, Mapping):
        raise CheckpointError(f"{path} holds a {type(content).__name__}, not a state dict. Save model.state_dict().")
    if _is_state_dict(content):
        return "", content
    for key in WRAPPERS:
        if key in content and _is_state_dict(content[key]):
            return key, content[key]
    if {"state", "param_groups"} <= content.keys() or "optimizer" in content:
        raise CheckpointError(
            f"{path} holds an optimiser's state and no weights. Give the checkpoint that holds the model's state dict."
        )
    raise CheckpointError(
        f"{path} holds no state dict: its keys are {', '.join(map(str, content)) or 'none'}. "
        f"A state dict maps names to tensors, by itself or under one of {', '.join(WRAPPERS)}."
    )


def _is_state_dict(value: Any) -> bool:
    return (
        isinstance(value, Mapping)
        and len(value) > 0
        and all(isinstance(name, str) and hasattr(tensor, "shape") for name, tensor in value.items())
    )


def _as_array(tensor: Any, name: str, path: Path) -> np.ndarray:
    """A numpy view of a tensor; half precision is widened to float32, float64 rounded to it, as Keras holds them."""
    if isinstance(tensor, np.ndarray):
        is_other = tensor.dtype.kind == "f" or tensor.dtype.name == "bfloat16"
        return _in_float32(tensor) if is_other and tensor.dtype != np.float32 else tensor
    import torch

    try:
        check_declared(tensor.numel() * tensor.element_size(), path.stat().st_size)
    except ValueError as error:
        raise CheckpointError(f"{path}: {name} is refused: {error}. Nobody saves such a tensor.") from error
    if tensor.is_floating_point() and tensor.dtype not in (torch.float32, torch.float64):
        tensor = tensor.float()
    try:
        array = tensor.detach().numpy()
        return _in_float32(array) if array.dtype == np.float64 else array
    except (TypeError, RuntimeError, NotImplementedError) as error:
        raise CheckpointError(
            f"{path}: {name} is no plain tensor ({tensor.layout}, {tensor.dtype}, {tensor.device}). Save it as one."
        ) from error


def _in_float32(array: np.ndarray) -> np.ndarray:
    with np.errstate(over="ignore"):  # what becomes infinite is told with all else that does not fit
        return array.astype(np.float32)


def write_checkpoint(path: Path, state_dict: Mapping[str, np.ndarray], beside: Mapping[str, Any]) -> None:
    """Write the published layout: ``{"epoch", "state_dict", "lowest_loss"}`` and what else stands beside these."""
    import torch

    tensors = {name: torch.from_numpy(array.copy()) for name, array in state_dict.items()}
    with library_writes():
        torch.save({"epoch": 0, "lowest_loss": float("inf"), **beside, "state_dict": tensors}, path)
