"""Read and write converted checkpoints: ``.keras`` with its graph, ``.weights.h5`` and ``.safetensors`` without."""

import math
import shutil
import tempfile
import zipfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from porting import calls
from porting.errors import PortFileError, PortingError, first_line
from porting.files import hdf5
from porting.files.bounds import UNREADABLE, check_archive, read_member
from porting.files.placement import library_writes
from porting.files.schemas import ANYTHING, NOTHING, TEXT, Each, check_schema
from porting.files.tensor_files import read_header, read_tensors
from porting.pairs.finding import build_port, resolve
from porting.pairs.pair import ModelPair, Sizes
from porting.port import side as keras_side
from porting.port.precision import widen_constants
from porting.port.structure import build, check_loaded, is_built
from porting.probes import Probe

if TYPE_CHECKING:
    import keras

FORMATS = ("keras", "weights.h5", "safetensors")


def file_format(path: Path) -> str:
    """Tell the format by the file's name.

    Raises
    ------
    PortFileError
        If it is none of the three.
    """
    for name in FORMATS:
        if path.name.endswith(f".{name}"):
            return name
    raise PortFileError(f"{path} is no converted checkpoint: its name must end in .{', .'.join(FORMATS)}.")


def write_port(model: "keras.Model", path: Path) -> None:
    """Write a model in the format that the file's name says."""
    written = file_format(path)
    with library_writes():
        if written == "keras":
            _write_archive(model, path)
        elif written == "weights.h5":
            model.save_weights(path)
        else:
            from safetensors.numpy import save_file

            save_file({name: np.ascontiguousarray(array) for name, array in keras_side.arrays(model).items()}, path)


def _write_archive(model: "keras.Model", path: Path) -> None:
    """Write a ``.keras`` file by way of the disk: Keras itself would hold all of it in memory, and copy it there."""
    with tempfile.TemporaryDirectory(dir=path.parent, prefix=".") as folder:
        model.save(folder, zipped=False)
        with zipfile.ZipFile(path, "w") as archive:
            for part in filter(Path.is_file, sorted(Path(folder).rglob("*"))):
                member = zipfile.ZipInfo.from_file(part, part.relative_to(folder))
                with part.open("rb") as source, archive.open(member, "w") as target:
                    shutil.copyfileobj(source, target, 1 << 22)


def read_port(
    path: Path, pair: ModelPair, sizes: Sizes, draw: Callable[[], Probe], *, with_optimiser: bool = False
) -> "keras.Model":
    """Load a converted checkpoint; safe mode is on.

    Parameters
    ----------
    path : Path
    pair : ModelPair
        Its port is built where the file holds only weights; its module is imported for the layers it registers.
    sizes : Mapping
        What the port is built with; for formats without a graph. They may be those that another file says, so that
        nothing is built, and no probe drawn, which is larger than the weights.
    draw : callable
        Gives inputs to build a subclassed port with; for formats without a graph.
    with_optimiser : bool
        Compile the port with the optimiser that it was saved with; formats without a graph hold none.

    Raises
    ------
    PortFileError
        If the file cannot be loaded.
    """
    resolve(pair.port)
    if not path.is_file():
        raise PortFileError(f"No converted checkpoint at {path}.")
    written = file_format(path)
    with _readable(path):
        if written == "keras":
            return calls.sign(load_keras(path, with_optimiser=with_optimiser), pair.port_signature())
        return _WEIGHT_READERS[written](path, _new_port(path, pair, sizes, draw))


def in_precision(
    model: "keras.Model", dtype: str, path: Path, pair: ModelPair, sizes: Sizes, probe: Probe
) -> "keras.Model":
    """A twin of a loaded port in another precision, with the graph of its file, or of the pair where it has none.

    Raises
    ------
    PortFileError
        If the file's graph cannot be built in that precision.
    """
    with _readable(path):
        if file_format(path) == "keras":
            twin = _graph_of(path, dtype, lambda: build_port(pair, sizes))
            build(twin, probe.rows(1).arrays)  # Keras builds it with an input of float32, which others do not fit
        else:
            twin = _new_port(path, pair, sizes, lambda: probe)
    calls.sign(twin, pair.port_signature())
    for wide, narrow in zip(twin.weights, model.weights, strict=True):
        wide.assign(narrow)
    return twin


def load_keras(path: Path, *, with_optimiser: bool = False) -> Any:
    """Load a ``.keras`` file that holds no more than it can, and makes no larger variables than it holds.

    Raises
    ------
    ValueError
        If it is damaged, or declares what it does not hold. Keras raises other errors as well.
    """
    import keras

    stored = check_keras_file(path)
    with keras_side.uninitialised(), keras_side.at_most(4 * stored + _SMALL):
        model: Any = keras.saving.load_model(path, compile=with_optimiser)
    check_loaded(model, sum(not name.startswith("optimizer/") for name in read_shapes(path)))
    return model


_SMALL = 1 << 20
"""Bytes of variables that a model may have beside those that its file holds."""


def check_keras_file(path: Path) -> int:
    """Hold what a ``.keras`` file declares against the file; the bytes of the arrays in it.

    Raises
    ------
    ValueError
        If it is no such file, or declares more than it can hold.
    """
    size = path.stat().st_size
    try:
        with zipfile.ZipFile(path) as archive:
            check_archive(archive, size)
            read_about(archive)
            with archive.open("model.weights.h5") as stored, hdf5.opened(path, stored) as file:
                return sum(math.prod(shape) for shape in _shapes_in(file).values()) * _WIDEST
    except UNREADABLE as error:
        raise ValueError(first_line(error)) from error


_WIDEST = 8
"""Bytes of the widest number that a variable holds."""


def read_about(archive: zipfile.ZipFile) -> tuple[dict[str, Any], dict[str, Any]]:
    """What a ``.keras`` file says of its graph, and of what wrote it.

    Raises
    ------
    ValueError
        If it does not say it as Keras does.
    """
    config, metadata = read_member(archive, "config.json"), read_member(archive, "metadata.json")
    names = (TEXT, NOTHING)
    check_schema(config, {"class_name": TEXT, "registered_name?": names, "module?": names, "config": Each(ANYTHING)})
    check_schema(metadata, {"keras_version": TEXT})
    return config, metadata


@contextmanager
def _readable(path: Path) -> Iterator[None]:
    """Tell whatever Keras, HDF5 and zip raise as one error that names the file."""
    try:
        yield
    except PortingError:
        raise
    except Exception as error:  # Keras builds what a file says, and backends raise what they like
        shown = path.name if path.parent.name.startswith(".") else path  # a draft in its hidden folder
        raise PortFileError(f"{shown} cannot be loaded: {_reason_and_remedy(error)}") from error


def _reason_and_remedy(error: Exception) -> str:
    """Why Keras does not load a file, and what to do; a graph is made of what Keras finds by name and runs unseen."""
    told, reason = str(error), first_line(error)
    without_graph = "or convert with --formats weights.h5, which holds weights alone and takes the graph from the pair"
    if "Lambda" in told or "lambda" in told:
        return (
            "its graph holds a Lambda, Python code that Keras does not load from a file. Make it a layer of its own "
            f"with @keras.saving.register_keras_serializable(), {without_graph}."
        )
    if "register_keras_serializable" in reason or "Could not locate" in reason:
        return f"{reason} {_REGISTER}, {without_graph}."
    return f"{reason}. Convert the checkpoint again."


_REGISTER = "The module that holds the pair must hold or import the class, decorated"


def _new_port(path: Path, pair: ModelPair, sizes: Sizes, draw: Callable[[], Probe]) -> "keras.Model":
    stored = sum(map(math.prod, read_shapes(path).values())) * _WIDEST
    with keras_side.uninitialised(), keras_side.at_most(4 * stored + _SMALL):
        model = build_port(pair, sizes)
        if not is_built(model):
            build(model, draw().rows(1).arrays)
    return model


def _graph_of(path: Path, dtype: str, build: Callable[[], Any]) -> Any:
    """A ``.keras`` file's graph, built without its weights; what several layers hold is one, as it is in the file."""
    import keras
    from keras.src.saving.serialization_lib import ObjectSharingScope

    with zipfile.ZipFile(path) as archive:
        config, _ = read_about(archive)
    widen_constants(config, build, dtype)
    with keras_side.uninitialised(), ObjectSharingScope():
        model: Any = keras.saving.deserialize_keras_object(_with_dtype(config | {"compile_config": None}, dtype))
        if not is_built(model):
            model.build_from_config(config["build_config"])
    return model


def _with_dtype(config: Any, dtype: str) -> Any:
    """A model's configuration with every float32 made `dtype`."""
    if isinstance(config, list):
        return [_with_dtype(item, dtype) for item in config]
    if not isinstance(config, dict):
        return config
    if config.get("class_name") == "DTypePolicy":
        return {**config, "config": {"name": dtype}}
    widened = {"float32": dtype}
    return {
        key: widened.get(value, value) if key == "dtype" and isinstance(value, str) else _with_dtype(value, dtype)
        for key, value in config.items()
    }


def _read_weights_h5(path: Path, model: "keras.Model") -> "keras.Model":
    model.load_weights(path)
    return model


def _read_safetensors(path: Path, model: "keras.Model") -> "keras.Model":
    values = read_tensors(path)
    own = keras_side.shapes(model)
    stored = {name: array.shape for name, array in values.items()}
    if stored != own:
        differing = sorted(name for name in own.keys() | stored.keys() if own.get(name) != stored.get(name))
        raise ValueError(f"its variables differ from the port's: {', '.join(differing)}")
    keras_side.load_weights(model, lambda name: (values[name], lambda tensor: tensor))
    return model


_WEIGHT_READERS = {"weights.h5": _read_weights_h5, "safetensors": _read_safetensors}


def read_shapes(path: Path) -> dict[str, tuple[int, ...]]:
    """Name and shape of every array in a converted checkpoint, without loading Keras.

    Names are variable paths in ``.safetensors`` and HDF5 paths in the other two formats.
    """
    if file_format(path) == "safetensors":
        return read_header(path).shapes()
    if file_format(path) == "weights.h5":
        with hdf5.opened(path) as file:
            return _shapes_in(file)
    with zipfile.ZipFile(path) as archive:
        check_archive(archive, path.stat().st_size)
        with archive.open("model.weights.h5") as stored, hdf5.opened(path, stored) as file:
            return _shapes_in(file)


def _shapes_in(file: Any) -> dict[str, tuple[int, ...]]:
    import h5py

    shapes: dict[str, tuple[int, ...]] = {}

    def visit(name: str, item: Any) -> None:
        if isinstance(item, h5py.Dataset):
            shapes[name] = item.shape or ()

    file.visititems(visit)
    return shapes
