"""The version of the package, read by its build and written into certificates."""

__version__ = "0.2.0"
