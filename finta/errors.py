"""What can be wrong with a model's training and use.

FintaError
├── ConfigurationError   a YAML file of settings
├── TrainingError        a run, or the folder that it lies in
├── ModelError           a checkpoint to encode and decode with
└── ClusterError         the cluster that is to compute

A place that results of a model's use cannot be written to is `porting.errors.OutputError`.
"""


class FintaError(ValueError):
    """Any error that the user can mend; its text names the file, the place and the remedy."""


class ConfigurationError(FintaError):
    """A configuration cannot be used."""


class TrainingError(FintaError):
    """A run cannot be started, gone on with, or finished."""


class ModelError(FintaError):
    """A checkpoint cannot be used as an encoder and a decoder."""


class ClusterError(FintaError):
    """A cluster cannot be used."""
