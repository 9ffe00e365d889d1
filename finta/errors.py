"""What can be wrong with a training.

FintaError
├── ConfigurationError   a YAML file of settings
├── OutputError          the place to write results to
└── TrainingError        a run, or the folder that it lies in
"""


class FintaError(ValueError):
    """Any error that the user can mend; its text names the file, the place and the remedy."""


class ConfigurationError(FintaError):
    """A configuration cannot be used."""


class OutputError(FintaError):
    """Results cannot be written where they were wanted."""


class TrainingError(FintaError):
    """A run cannot be started, gone on with, or finished."""
