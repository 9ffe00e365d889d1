"""What can be wrong with streamlines.

TractographyError
├── BatchError         an HDF5 file of streamline batches
├── FilteringError     an atlas of bundles, or the thresholds of its bundles
├── GenerationError    seeds, densities and images that streamlines are generated from
└── TractogramError    a tractogram file
"""


class TractographyError(ValueError):
    """Any error that the user can mend; its text names the file, the place and the remedy."""


class BatchError(TractographyError):
    """A batch file cannot be used, or not be written as wanted."""


class GenerationError(TractographyError):
    """Streamlines cannot be generated from what was given."""


class TractogramError(TractographyError):
    """A tractogram cannot be used."""


class FilteringError(TractographyError):
    """An atlas or its thresholds cannot be used."""
