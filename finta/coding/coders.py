"""A trained autoencoder as two functions on arrays, whatever framework computes them."""

import os
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import lru_cache
from pathlib import Path
from threading import Lock
from typing import Any

import numpy as np

from finta.architecture import HALVINGS
from finta.coding.drafts import identity_of
from finta.errors import ModelError
from porting.errors import PackageError, PortingError

BATCH_SIZE = 1024
"""Streamlines that are computed at once; a compiled program sees no other number."""

_LOCK = Lock()  # threads that want one model must not load it twice

Compute = Callable[[np.ndarray], np.ndarray]


@dataclass(frozen=True, slots=True)
class Coder:
    """An encoder and a decoder.

    Attributes
    ----------
    path : Path
        The checkpoint.
    framework : str
        What computes, in words.
    latent_size : int
    point_count : int
        Points that a streamline must be resampled to.
    batch_size : int
        Streamlines computed at once; a smaller rest is padded.
    """

    path: Path
    framework: str
    latent_size: int
    point_count: int
    encode_batch: Compute
    decode_batch: Compute
    batch_size: int = BATCH_SIZE

    def encode(self, streamlines: np.ndarray) -> np.ndarray:
        """(streamline, point, coordinate) in RAS+ mm -> (streamline, latent), float32."""
        return self._in_batches(self.encode_batch, streamlines, (self.latent_size,))

    def decode(self, latent_codes: np.ndarray) -> np.ndarray:
        """(streamline, latent) -> (streamline, point, coordinate) in RAS+ mm, float32."""
        return self._in_batches(self.decode_batch, latent_codes, (self.point_count, 3))

    def identity(self) -> dict[str, str]:
        """What all that it computes depends on, to tell whether what was begun can be gone on with."""
        return {"model": identity_of(self.path), "framework": self.framework}

    def _in_batches(self, compute: Compute, rows: np.ndarray, shape: tuple[int, ...]) -> np.ndarray:
        computed = np.empty((len(rows), *shape), np.float32)
        for first in range(0, len(rows), self.batch_size):
            batch = np.asarray(rows[first : first + self.batch_size], np.float32)
            missing = self.batch_size - len(batch)
            whole = np.pad(batch, [(0, missing), *[(0, 0)] * (batch.ndim - 1)]) if missing else batch
            computed[first : first + len(batch)] = compute(whole)[: len(batch)]
        return computed


def open_coder(path: str | os.PathLike, batch_size: int = BATCH_SIZE) -> Coder:
    """Load a converted checkpoint in Keras, on the backend in use, or a PyTorch checkpoint in the torch reference.

    What was opened last is kept, compiled: whoever opens the same file again has it at once.

    Parameters
    ----------
    path : path
        ``.keras`` or ``.safetensors``: the port. Anything else (``.pt``, ``.pth``, ``.ckpt``): the reference.
    batch_size : int

    Raises
    ------
    ModelError
        If the file is missing, damaged, or not this autoencoder's.
    """
    path = Path(path)
    if not path.is_file():
        raise ModelError(f"No model at {path}: {'it is a folder' if path.is_dir() else 'no such file'}.")
    about = path.stat()
    try:
        with _LOCK:
            coder = _open(path.absolute(), (about.st_size, about.st_mtime_ns), batch_size)
    except PackageError:
        raise
    except (PortingError, ValueError) as error:
        reason = str(error).rstrip(".")
        raise ModelError(f"{reason}. Convert the checkpoint again, or check that {path} is the one meant.") from error
    return replace(coder, path=path)


@lru_cache(maxsize=2)
def _open(path: Path, version: tuple[int, int], batch_size: int) -> Coder:
    """Open the file as it is now: another `version` is another model."""
    return (_open_port if path.suffix in (".keras", ".safetensors") else _open_reference)(path, batch_size)


def _open_port(path: Path, batch_size: int) -> Coder:
    from porting.port import side as keras_side

    keras_side.prepare()
    import keras

    from keras_model import load_autoencoder

    model = load_autoencoder(path)
    backend = keras.backend.backend()
    encode, decode = (_COMPILERS[backend](part) for part in (model.encoder, model.decoder))
    return Coder(path, f"keras on {backend}", model.latent_size, model.point_count, encode, decode, batch_size)


def _open_reference(path: Path, batch_size: int) -> Coder:
    from porting.reference import side as torch_side

    torch_side.prepare()
    import torch

    from finta.pair import FINTA
    from porting.proof.runs import load_reference
    from porting.reference.files import read_checkpoint

    model: Any = load_reference(FINTA, read_checkpoint(path))[0]
    device = "cuda" if torch.cuda.is_available() else "cpu"
    model = model.eval().to(device)

    @torch.inference_mode()
    def encode(streamlines: np.ndarray) -> np.ndarray:
        return model.encode(torch.from_numpy(streamlines).to(device).transpose(1, 2)).cpu().numpy()

    @torch.inference_mode()
    def decode(latent_codes: np.ndarray) -> np.ndarray:
        return model.decode(torch.from_numpy(latent_codes).to(device)).transpose(1, 2).cpu().numpy()

    latent_size, point_count = model.fc1.out_features, model.coarse_shape[1] << HALVINGS
    return Coder(path, "torch", latent_size, point_count, encode, decode, batch_size)


def _compile_tensorflow(model: Any) -> Compute:
    import tensorflow as tf

    compiled: Any = tf.function(lambda batch: model(batch, training=False), jit_compile=True)
    return lambda batch: compiled(tf.constant(batch)).numpy()


def _compile_jax(model: Any) -> Compute:
    import jax

    held = [
        [variable.value for variable in kind] for kind in (model.trainable_variables, model.non_trainable_variables)
    ]
    compiled = jax.jit(lambda held, batch: model.stateless_call(*held, batch, training=False)[0])
    return lambda batch: np.asarray(compiled(held, batch))


def _compile_torch(model: Any) -> Compute:
    import torch

    from porting.port.side import array_of

    @torch.no_grad()
    def compute(batch: np.ndarray) -> np.ndarray:
        return array_of(model(batch, training=False))

    return compute


_COMPILERS = {"tensorflow": _compile_tensorflow, "jax": _compile_jax, "torch": _compile_torch}
