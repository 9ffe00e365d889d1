"""Training on all devices: of this machine, and on jax of all machines.

TensorFlow mirrors a model on each GPU of one machine (``tf.distribute.MirroredStrategy``), jax on each device of all
processes (``keras.distribution.DataParallel``). Keras then makes variables and compiles for whatever is in force where
a model is built, and so does `keras_model.training.trainer`: with one device nothing is in force, and nothing differs.
"""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import keras

from finta.devices import ONE, Devices


@contextmanager
def all_devices() -> Iterator[Devices]:
    """Build and train models on all devices; begin it before Keras computes anything.

    On jax in several processes where SLURM started them, or KERAS_DISTRIBUTION_JOB_ADDRESSES, _NUM_PROCESSES and
    _PROCESS_ID say so.

    Yields
    ------
    Devices

    Raises
    ------
    ValueError
        If Keras' backend cannot, or the processes do not find each other.
    """
    backend = keras.backend.backend()
    if backend == "tensorflow":
        with _mirrored() as devices:
            yield devices
    elif backend == "jax":
        with _parallel() as devices:
            yield devices
    else:
        raise ValueError(f"Keras on {backend} trains on one device: set KERAS_BACKEND=tensorflow or jax")


@contextmanager
def _mirrored() -> Iterator[Devices]:
    import tensorflow as tf

    if (started := _started_processes()) > 1:
        raise ValueError(
            f"{started} processes were started, and Keras on tensorflow trains in one: set KERAS_BACKEND=jax"
        )
    found = tf.config.list_logical_devices("GPU") or tf.config.list_logical_devices("CPU")
    if len(found) == 1:
        yield ONE
        return
    with tf.distribute.MirroredStrategy([device.name for device in found]).scope():
        yield Devices(len(found))


@contextmanager
def _parallel() -> Iterator[Devices]:
    import jax

    if _started_processes() > 1:
        _join(jax)
    if jax.device_count() == 1:
        yield ONE
        return
    with keras.distribution.DataParallel(auto_shard_dataset=False).scope():
        yield Devices(jax.device_count(), jax.process_count(), jax.process_index())


@contextmanager
def own_variables() -> Iterator[None]:
    """Let a process make variables alone: else those of jax' processes are one, and each waits for all to make them."""
    distribution: Any = keras.distribution.distribution()
    keras.distribution.set_distribution(None)
    try:
        yield
    finally:
        keras.distribution.set_distribution(distribution)


def _join(jax) -> None:
    # Keras' own initialisers draw before `initialise` overwrites: from one seed, or the copies would differ.
    keras.utils.set_random_seed(0)
    # Its handler of SIGTERM would take the place of the run's own.
    jax.config.update("jax_enable_preemption_service", False)
    jax.config.update("jax_cpu_collectives_implementation", "gloo")
    try:
        keras.distribution.initialize()
    except RuntimeError as error:
        raise ValueError(f"the processes did not find each other: {str(error).splitlines()[0]}") from error


def _started_processes() -> int:
    """Processes that are to train together, as the environment tells."""
    started = os.environ.get("KERAS_DISTRIBUTION_NUM_PROCESSES")
    if not started and "SLURM_STEP_NODELIST" in os.environ:
        started = os.environ.get("SLURM_NTASKS")
    return int(started or 1)
