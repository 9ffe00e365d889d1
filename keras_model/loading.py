"""Load a converted checkpoint, with a look at its certificate."""

import os
import warnings
from pathlib import Path

from keras_model.autoencoder import Autoencoder, build_autoencoder, read_sizes
from porting.errors import PortFileError, first_line
from porting.evidence.certificates import bad_verdict, broken_seal, stem_of
from porting.files.staging import finish_moves
from porting.files.tensor_files import read_tensors
from porting.port.files import load_keras


def load_autoencoder(path: str | os.PathLike, *, with_optimiser: bool = False) -> Autoencoder:
    """Load a converted autoencoder; needs no PyTorch.

    Parameters
    ----------
    path : path
        ``.keras`` or ``.safetensors``.
    with_optimiser : bool
        Compile it with the optimiser that it was saved with, which goes on where it was.

    Returns
    -------
    Autoencoder
        (streamline, point, coordinate) in RAS+ mm -> the same, reconstructed.

    Raises
    ------
    FileNotFoundError
        If there is no such file.
    ValueError
        If the file is of another format, not this autoencoder's, or holds no optimiser where one is asked for.

    Warns
    -----
    UserWarning
        If the certificate beside the file was given for other bytes, or says anything but PASS.
    """
    path = Path(path)
    finish_moves(stem_of(path))
    if not path.is_file():
        raise FileNotFoundError(f"no converted checkpoint at {path}")
    _warn_of_broken_seal(path)
    if path.suffix == ".keras":
        try:
            model = load_keras(path, with_optimiser=with_optimiser)
        except Exception as error:  # Keras builds what a file says, and backends raise what they like
            raise ValueError(f"{path} cannot be loaded: {first_line(error)}") from error
        if not isinstance(model, Autoencoder):
            raise ValueError(f"{path} holds a {type(model).__name__}, not this autoencoder")
        if with_optimiser and getattr(model, "optimizer", None) is None:
            raise ValueError(f"{path} holds no optimiser's state")
        return model
    if with_optimiser:
        raise ValueError(f"{path} holds no optimiser's state; a .keras file may")
    if path.suffix == ".safetensors":
        return _load_safetensors(path)
    raise ValueError(f"{path}: its name must end in .keras or .safetensors")


def _warn_of_broken_seal(path: Path) -> None:
    try:
        reason = broken_seal(path) or bad_verdict(path)
    except PortFileError as error:
        reason = str(error)
    if reason:
        warnings.warn(f"{reason}; whether it computes what its reference does is not known", stacklevel=3)


def _load_safetensors(path: Path) -> Autoencoder:
    try:
        values = read_tensors(path)
        sizes = read_sizes({name: array.shape for name, array in values.items()})
    except (OSError, ValueError) as error:
        raise ValueError(f"{path} is no readable safetensors file of this autoencoder: {error}") from error
    model = build_autoencoder(**sizes)
    if values.keys() != {variable.path for variable in model.weights}:
        raise ValueError(f"{path} does not hold exactly the weights of this autoencoder")
    for variable in model.weights:
        variable.assign(values[variable.path])
    return model
