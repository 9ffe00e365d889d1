"""Packages that a command needs at some time, looked for before it does any work."""

from collections.abc import Iterable
from importlib.util import find_spec
from pathlib import Path

from finta.errors import ClusterError
from tractography.errors import FilteringError, TractogramError

PACKAGES = {"sklearn": "scikit-learn", "trx": "trx-python", "yaml": "PyYAML", "faiss": "faiss-cpu"}
"""Names of packages whose modules are called otherwise."""


def check_installed(modules: Iterable[str], error: type[ValueError], doing: str, extra: str) -> None:
    """Say all that is missing at once, and what to install.

    Raises
    ------
    error
        If a module is not there.
    """
    if missing := [PACKAGES.get(name, name) for name in modules if not find_spec(name)]:
        raise error(
            f"Not installed: {', '.join(missing)}. {doing} needs {'it' if len(missing) == 1 else 'them'}: "
            f"pip install 'porting[{extra}]'."
        )


def check_readers(*paths: Path) -> None:
    """Find out before any work whether tractograms can be read, resampled and written.

    Raises
    ------
    TractogramError
        If a package for it is not installed.
    """
    trx = ["trx"] if any(path.suffix == ".trx" for path in paths) else []
    check_installed(["nibabel", "dipy", *trx], TractogramError, "This command", "filter")


def check_comparing(approximate: bool) -> None:
    """Find out before any work whether latent codes can be compared and what is found be drawn.

    Raises
    ------
    FilteringError
        If a package for it is not installed.
    """
    index = ["faiss"] if approximate else []
    check_installed(["sklearn", "matplotlib", *index], FilteringError, "Filtering", "filter")


def check_cluster(scheduler: str | None) -> None:
    """Find out before any work whether a cluster can be spoken to, where one is wanted.

    Raises
    ------
    ClusterError
        If Dask is not installed.
    """
    if scheduler:
        check_installed(["dask", "distributed"], ClusterError, "--scheduler", "cluster")
