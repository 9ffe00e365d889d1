"""The inputs that a model is exported with: shapes that the user gave, or a file of arrays."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from porting.errors import ProbeError, first_line
from porting.files.array_files import check_array_file
from porting.files.bounds import UNREADABLE
from porting.probes import SEED

if TYPE_CHECKING:
    import torch

_SHAPE = re.compile(r"(?P<shape>\d+(,\d+)*)?(:(?P<kind>float|bool|int(?P<below>\d+)))?")
SAMPLES = 4


@dataclass(frozen=True, slots=True)
class Example:
    """Inputs of a model.

    Attributes
    ----------
    positional : tuple of ndarray
        In the reference's axis order, samples first.
    named : Mapping
        Those that are given by name.
    source : str
        Where they come from, in words.
    """

    positional: tuple[np.ndarray, ...]
    named: Mapping[str, np.ndarray] = field(default_factory=dict)
    source: str = ""

    def arrays(self) -> tuple[np.ndarray, ...]:
        """All of them, in order."""
        return (*self.positional, *self.named.values())

    def tensors(self) -> "tuple[list[torch.Tensor], dict[str, torch.Tensor]]":
        """What the model is called with."""
        import torch

        return (
            [torch.from_numpy(np.ascontiguousarray(array)) for array in self.positional],
            {name: torch.from_numpy(np.ascontiguousarray(array)) for name, array in self.named.items()},
        )


def drawn_example(given: Sequence[str], count: int = SAMPLES) -> Example:
    """Draw inputs of the shapes that ``--input`` gives: ``3,224,224`` of numbers, ``12:int99`` of integers below 99.

    Raises
    ------
    ProbeError
        If one is not of that form.
    """
    generator = np.random.default_rng(SEED)
    arrays = []
    for text in given:
        match = _SHAPE.fullmatch(text.replace(" ", ""))
        if not match or not text or (match["below"] and not int(match["below"])):
            raise ProbeError(
                f"--input {text}: write torch's axes without the samples, such as 3,224,224; integers below 99 "
                "as 12:int99, and truth values as 12:bool."
            )
        shape = (count, *(int(size) for size in (match["shape"] or "").split(",") if size))
        if match["below"]:
            arrays.append(generator.integers(0, int(match["below"]), shape))
        elif match["kind"] == "bool":
            arrays.append(generator.integers(0, 2, shape).astype(bool))
        else:
            arrays.append(generator.standard_normal(shape).astype(np.float32))
    return Example(tuple(arrays), {}, f"drawn for --input {' '.join(given)}, seed {SEED}")


def read_example(file: Path) -> Example:
    """Read inputs: ``.npz`` with arrays by position (``0``, ``arr_0``) or by name, ``.pt`` with tensors likewise.

    Raises
    ------
    ProbeError
        If the file cannot be used.
    """
    if not file.is_file():
        raise ProbeError(f"No example at {file}: {'it is a folder' if file.is_dir() else 'no such file'}.")
    held = _read_tensors(file) if file.suffix == ".pt" else _read_arrays(file)
    positional = {name: array for name, array in held.items() if re.fullmatch(r"(arr_)?\d+", name)}
    ordered = sorted(positional, key=lambda name: int(name.rpartition("_")[2]))
    named = {name: array for name, array in held.items() if name not in positional}
    example = Example(tuple(positional[name] for name in ordered), named, str(file))
    _check(example, file)
    return example


def _check(example: Example, file: Path) -> None:
    counts = {array.shape[0] if array.ndim else 0 for array in example.arrays()}
    if not example.arrays() or 0 in counts or len(counts) != 1:
        raise ProbeError(
            f"{file} must hold as many samples for each input, along the first axis; it holds {sorted(counts)}."
        )
    for array in example.arrays():
        if array.dtype.kind not in "fiub":
            raise ProbeError(f"{file} holds an array of type {array.dtype}: neither numbers nor truth values.")
        if array.dtype.kind == "f" and not np.isfinite(array).all():
            raise ProbeError(f"{file} holds NaN or infinity.")


def _read_arrays(file: Path) -> dict[str, np.ndarray]:
    if file.suffix not in {".npz", ".npy"}:
        raise ProbeError(f"{file}: an example is a .npz, .npy or .pt file.")
    try:
        check_array_file(file)
        with np.load(file, allow_pickle=False) if file.suffix == ".npz" else _single(file) as held:
            return {name: _narrow(held[name]) for name in held}
    except UNREADABLE as error:
        raise ProbeError(f"{file} cannot be read: {first_line(error)}.") from error


class _single(dict):  # noqa: N801 - it stands for an open archive
    def __init__(self, file: Path) -> None:
        super().__init__({"0": np.load(file, allow_pickle=False)})

    def __enter__(self):
        return self

    def __exit__(self, *_: object) -> None:
        pass


def _narrow(array: np.ndarray) -> np.ndarray:
    return array.astype(np.float32) if array.dtype.kind == "f" else array


def _read_tensors(file: Path) -> dict[str, np.ndarray]:
    import torch

    try:
        held = torch.load(file, map_location="cpu", weights_only=True)
    except Exception as error:  # torch raises what it likes for what is no such file
        raise ProbeError(f"{file} cannot be read as tensors alone: {first_line(error)}.") from error
    if isinstance(held, torch.Tensor):
        held = [held]
    items = held.items() if isinstance(held, Mapping) else enumerate(held) if isinstance(held, (list, tuple)) else ()
    found: dict[str, Any] = {str(name): value for name, value in items}
    if not found or not all(isinstance(value, torch.Tensor) for value in found.values()):
        raise ProbeError(f"{file} must hold a tensor, a list of tensors or a dict of them.")
    return {name: _narrow(_array(value)) for name, value in found.items()}


def _array(tensor: Any) -> np.ndarray:
    """A tensor's values; numpy has no bfloat16."""
    import torch

    held = tensor.detach()
    return (held.float() if held.dtype == torch.bfloat16 else held).numpy()
