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
    """A configuration cannot be used.

    Remedy: correct the line that the message names; ``finta/training/recipes/original.yaml`` describes every key.
    """


class TrainingError(FintaError):
    """A run cannot be started, gone on with, or finished.

    Remedy: go on with ``--resume`` where the run may, or start it in another folder.
    """


class ModelError(FintaError):
    """A checkpoint cannot be used as an encoder and a decoder.

    Remedy: give a converted ``.keras`` or ``.safetensors`` file of this autoencoder, or a ``.pt`` of its reference.
    """


class ClusterError(FintaError):
    """A cluster cannot be used.

    Remedy: check the scheduler's address, and that workers have the extra ``cluster``; go on with ``--resume``.
    """
