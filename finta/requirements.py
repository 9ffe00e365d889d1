"""Packages that a command needs at some time, looked for before it does any work."""

from porting.requirements import check_installed

READERS = ("nibabel", "dipy")
"""What reads, resamples and writes tractograms."""

COMPARERS = ("sklearn", "matplotlib")
"""What compares latent codes, and draws what is found."""

TRAINERS = ("matplotlib", "pydantic", "tensorboardX", "yaml")
"""What a training needs, some of it at its end."""


def check_readers() -> None:
    """Find out before any work whether tractograms can be read, resampled and written.

    Raises
    ------
    PackageError
        If a package for it is not installed.
    """
    check_installed(READERS, "This command", "filter")


def check_comparing(approximate: bool) -> None:
    """Find out before any work whether latent codes can be compared and what is found be drawn.

    Raises
    ------
    PackageError
        If a package for it is not installed.
    """
    index = ["faiss"] if approximate else []
    check_installed([*COMPARERS, *index], "Filtering", "filter")


def check_cluster(scheduler: object) -> None:
    """Find out before any work whether a cluster can be spoken to, where one is wanted.

    Raises
    ------
    PackageError
        If Dask is not installed.
    """
    if scheduler:
        check_installed(["dask", "distributed"], "--scheduler", "cluster")
