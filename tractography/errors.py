"""What can be wrong with streamlines.

TractographyError
├── BatchError         an HDF5 file of streamline batches
├── FilteringError     an atlas of bundles, or the thresholds of its bundles
├── GenerationError    seeds, densities and images that streamlines are generated from
└── TractogramError    a tractogram file

TractogramWarning      a tractogram that can be used, but is not as it should be
"""

LONGEST = 80
"""Characters of a foreign name that are shown."""


class TractographyError(ValueError):
    """Any error that the user can mend; its text names the file, the place and the remedy."""


class BatchError(TractographyError):
    """A batch file cannot be used, or not be written as wanted.

    Remedy: build or pack it again; ``finta batches info FILE`` checks its layout.
    """


class GenerationError(TractographyError):
    """Streamlines cannot be generated from what was given.

    Remedy: give seeds, densities or images as the message says; ``finta sample --help`` names what each must be.
    """


class TractogramError(TractographyError):
    """A tractogram cannot be used.

    Remedy: look at the streamline or the header that the message names; write the file again with its own tool.
    """


class FilteringError(TractographyError):
    """An atlas or its thresholds cannot be used.

    Remedy: give each bundle a tractogram and a threshold of one name; ``finta thresholds`` finds them.
    """


class TractogramWarning(UserWarning):
    """A tractogram is read though it is not as it should be; the text says what was repaired or left aside."""


def shown(text: str) -> str:
    """Give text that stands in a file as it may stand in a message: short, and without control characters."""
    text = text if len(text) <= LONGEST else f"{text[:LONGEST]}..."
    return text if text.isprintable() else ascii(text)
