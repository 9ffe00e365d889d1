"""Packages beyond the base install: which extra brings each, and the one message that says what is not there.

Nothing is imported to find out, so that a command can say so before it starts.
"""

from collections.abc import Iterable, Mapping
from importlib.util import find_spec

from porting.errors import PackageError

EXTRAS: Mapping[str, tuple[str, ...]] = {
    "verify": ("einops", "jinja2", "rich", "safetensors", "typer"),
    "convert": ("torch",),
    "write": ("ruff",),
    "tensorflow": ("tensorflow",),
    "jax": ("jax",),
    "streamlines": ("dipy", "matplotlib", "nibabel", "sklearn"),
    "filter": ("faiss",),
    "cluster": ("dask", "distributed", "dask_jobqueue"),
    "train": ("matplotlib", "pydantic", "yaml", "tensorboardX"),
}
"""The modules that each extra adds to those which it is built on."""

COMMAND_LINE = EXTRAS["verify"]
"""What every command needs."""

BACKENDS = ("tensorflow", "jax", "torch")
"""What Keras computes with; the first that is installed, unless KERAS_BACKEND names another."""

_DISTRIBUTIONS = {
    "dask_jobqueue": "dask-jobqueue",
    "faiss": "faiss-cpu",
    "sklearn": "scikit-learn",
    "yaml": "PyYAML",
}
"""What an index calls packages whose modules have other names."""


def distribution(module: str) -> str:
    """Give the name that a module's package is installed by."""
    return _DISTRIBUTIONS.get(module, module)


def check_installed(modules: Iterable[str], needing: str, extra: str) -> None:
    """Say all that is missing at once, and what to install.

    Parameters
    ----------
    modules : iterable of str
        By the names that they are imported by.
    needing : str
        What needs them, a command or an option.
    extra : str
        The extra that brings all that it needs.

    Raises
    ------
    PackageError
        If a module is not there.
    """
    if missing := [name for name in modules if not find_spec(name)]:
        raise PackageError(_message(missing, needing, extra))


def check_backend(chosen: str | None) -> None:
    """Find out whether Keras has something to compute with: the backend that the user chose, or any.

    Raises
    ------
    PackageError
        If it is not there.
    """
    if chosen in BACKENDS:
        extra = "convert" if chosen == "torch" else chosen
        check_installed([chosen], f"KERAS_BACKEND={chosen}", extra)
    elif not any(map(find_spec, BACKENDS)):
        raise PackageError(
            "Not installed: tensorflow, jax or torch. Keras needs one of them to compute with:\n"
            "  pip install tensorflow\n"
            "With porting's extra: pip install 'porting[tensorflow]', or in a clone pip install '.[tensorflow]'."
        )


def is_known(module: str) -> bool:
    """Whether an extra brings a module; another's name may be a slip, and is not to be installed."""
    known = {"keras", *BACKENDS, *(name for modules in EXTRAS.values() for name in modules)}
    return module.partition(".")[0] in known


def not_found(error: ModuleNotFoundError, needing: str) -> PackageError | None:
    """Turn a failed import into the same message; None where the package is there and lacks a module."""
    module = (error.name or "").partition(".")[0]
    if not module or find_spec(module):
        return None
    extra = next((name for name, modules in EXTRAS.items() if module in modules), None)
    return PackageError(_message([module], needing, extra))


def _message(missing: list[str], needing: str, extra: str | None) -> str:
    names = [distribution(module) for module in missing]
    lines = [
        f"Not installed: {', '.join(names)}. {needing} needs {'it' if len(names) == 1 else 'them'}:",
        f"  pip install {' '.join(names)}",
    ]
    if "torch" in missing:
        lines.append("A CPU build of torch is enough.")
    if extra:
        lines.append(f"With all else: pip install 'porting[{extra}]', or in a clone pip install '.[{extra}]'.")
    return "\n".join(lines)
