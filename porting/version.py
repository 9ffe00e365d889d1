"""The version of the package, read by its build and written into certificates."""

__version__ = "0.1.0"
