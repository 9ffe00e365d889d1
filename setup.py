"""Which packages a wheel holds; all else about it is in pyproject.toml.

The shipped checkpoint stands at the top level of the repository. In a wheel it belongs to the application, since a
top-level package called ``checkpoints`` would hide, or be hidden by, folders of that name in its users' projects.
"""

from setuptools import find_packages, setup
from setuptools.command.build_py import build_py

PACKAGES = ("finta", "keras_model", "porting", "reference_torch", "tractography")
DATA = {"finta.checkpoints": "checkpoints", "finta.training.recipes": "finta/training/recipes"}
"""Folders that hold files and no modules -> where they are in the repository."""


class BuildWithData(build_py):
    """Take the files of a folder of data, and leave the script that rebuilds the checkpoint."""

    def find_package_modules(self, package: str, package_dir: str) -> list[tuple[str, str, str]]:
        """List the modules of a package; a folder of data has none."""
        return [] if package in DATA else super().find_package_modules(package, package_dir)


setup(
    packages=[*find_packages(include=[*PACKAGES, *(f"{name}.*" for name in PACKAGES)]), *DATA],
    package_dir=DATA,
    cmdclass={"build_py": BuildWithData},
)
