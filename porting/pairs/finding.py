"""Find a pair by its name, build its models, read their sizes, and draw what they are to see."""

import hashlib
import os
import pkgutil
import sys
from collections.abc import Callable, Sequence
from importlib.metadata import EntryPoint, entry_points
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Any

from porting.calls import sign
from porting.errors import PairError, reason_and_place
from porting.pairs.pair import ModelPair, Shapes, Sizes
from porting.probes import SYNTHETIC, InputKind, Probe, ProbeBatches, read_probe, read_probe_batches, synthetic_probe
from porting.requirements import is_known, not_found

if TYPE_CHECKING:
    import keras
    import torch

ENTRY_POINTS = "porting.pairs"
PAIR_IN_FILE = "PAIR"
"""What the pair of a file is called, as ``porting write`` writes it."""


def find_pair(name: "str | ModelPair") -> ModelPair:
    """Find a pair by its registered name, as ``module:NAME`` or as ``FILE.py``, which a user said.

    The working folder is looked in; a file's pair is called ``PAIR`` unless ``FILE.py:NAME`` says otherwise.

    Raises
    ------
    PairError
        If there is no such pair, or it is not a `ModelPair`.
    """
    if isinstance(name, ModelPair):
        return name
    if name.endswith(".py"):
        return find_pair(f"{name}:{PAIR_IN_FILE}")
    if ":" in name:
        if (folder := os.getcwd()) not in sys.path:
            sys.path.insert(0, folder)
        return _checked(resolve(name), name)
    check_name(name)
    return _checked(_registered()[name].load(), name)


def check_name(name: str | None) -> None:
    """Find out, without importing anything, whether a pair of that name is registered; module:NAME is not looked at.

    Raises
    ------
    PairError
        If it is not.
    """
    registered = _registered()
    if name and ":" not in name and not name.endswith(".py") and name not in registered:
        known = ", ".join(sorted(registered)) or "none"
        raise PairError(f'No pair is called "{name}". Registered: {known}. Give your own by --pair module:NAME.')


def _registered() -> dict[str, EntryPoint]:
    return {point.name: point for point in entry_points(group=ENTRY_POINTS)}


def _checked(found: Any, name: str) -> ModelPair:
    if not isinstance(found, ModelPair):
        raise PairError(f"{name} is of type {type(found).__name__}, not a porting.ModelPair.")
    return found


def resolve(name: Any) -> Any:
    """Import what ``"module:name"`` or ``"file.py:name"`` names; anything else is returned as it is.

    Raises
    ------
    PairError
        If it cannot be imported.
    PackageError
        If a package of an extra, which it imports, is not installed.
    """
    if not isinstance(name, str):
        return name
    try:
        if file := file_of(name):
            return getattr(_module_of(file), name.rpartition(":")[2])
        return pkgutil.resolve_name(name)
    except ModuleNotFoundError as error:
        if is_known(error.name or "") and (missing := not_found(error, name)):
            raise missing from error
        said = f"{name} cannot be imported: {reason_and_place(error)}. Check the name and the folder."
        raise PairError(said) from error
    except (Exception, SystemExit) as error:  # a module that is run raises what it likes
        raise PairError(f"{name} cannot be imported: {reason_and_place(error)}.{_mend(name, error)}") from error


def file_of(named: str) -> Path | None:
    """The file of ``FILE.py:NAME``."""
    module = named.rpartition(":")[0]
    return Path(module) if module.endswith(".py") else None


def _module_of(file: Path) -> ModuleType:
    """Run a file as a module, once for what it holds: classes that it registers in Keras are then one."""
    content = file.read_bytes()
    name = f"{file.stem}_{hashlib.sha256(f'{file.resolve()}'.encode() + content).hexdigest()[:12]}"
    if name not in sys.modules:
        module = ModuleType(name)
        module.__file__ = str(file.resolve())
        sys.modules[name] = module
        try:
            exec(compile(content, str(file), "exec"), module.__dict__)  # noqa: S102 - the file that the user named
        except BaseException:
            del sys.modules[name]
            raise
    return sys.modules[name]


def _mend(name: str, error: BaseException) -> str:
    """What is often meant where a name cannot be read."""
    return " Write it as module:NAME." if isinstance(error, ValueError) and not name.partition(":")[2] else ""


def build_reference(pair: ModelPair, sizes: Sizes) -> "torch.nn.Module":
    """Build the reference model.

    Raises
    ------
    PairError
        If the factory fails or returns something else.
    """
    factory = resolve(pair.reference)
    import torch

    return sign(_built(factory, sizes, torch.nn.Module, f"{pair.name}'s reference"), pair.reference_signature())


def build_port(pair: ModelPair, sizes: Sizes) -> "keras.Model":
    """Build the port, untrained.

    Raises
    ------
    PairError
        If the factory fails or returns something else.
    """
    if pair.port == "":
        raise PairError(f"{pair.name} has no port yet. Have it written by porting write, and give the pair beside it.")
    factory = resolve(pair.port)
    import keras

    return sign(_built(factory, sizes, keras.Model, f"{pair.name}'s port"), pair.port_signature())


def _built(factory: Callable[..., Any], sizes: Sizes, kind: type, label: str) -> Any:
    try:
        model = factory(**sizes)
    except (Exception, SystemExit) as error:
        raise PairError(f"{label} could not be built with {dict(sizes)}: {reason_and_place(error)}.") from error
    if not isinstance(model, kind):
        raise PairError(f"{label} is a {type(model).__name__}, not a {kind.__module__.split('.')[0]}.{kind.__name__}.")
    return model


def read_reference_sizes(pair: ModelPair, shapes: Shapes) -> Sizes:
    """Sizes to build both models with, read off a checkpoint; ValueError where its architecture allows none."""
    return resolve(pair.reference_sizes)(shapes) if pair.reference_sizes else {}


def read_port_sizes(pair: ModelPair, shapes: Shapes) -> Sizes:
    """Sizes to build both models with, read off a port's variables; ValueError where its architecture allows none."""
    return resolve(pair.port_sizes)(shapes) if pair.port_sizes else {}


def draw_probe(pair: ModelPair, sizes: Sizes, file: Path | None, count: int, kinds: Sequence[InputKind] = ()) -> Probe:
    """The inputs that both models are to see; a file called ``synthetic`` stands for normal numbers of their scale."""
    if file == SYNTHETIC:
        return synthetic_probe(draw_probe(pair, sizes, None, count, kinds))
    if pair.probe is None:
        return read_probe(pair.input_shapes, file, count, kinds)
    return resolve(pair.probe)(sizes, file, count)


def read_all(pair: ModelPair, sizes: Sizes, file: Path, batch_size: int) -> ProbeBatches:
    """Every sample of a file, batch by batch."""
    if pair.probe_batches is None:
        return read_probe_batches(file, batch_size)
    return resolve(pair.probe_batches)(sizes, file, batch_size)
