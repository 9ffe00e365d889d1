"""The FINTA autoencoder in PyTorch and its training recipe: the reference that ports are held against."""

from reference_torch.autoencoder import Autoencoder, read_sizes

__all__ = ["Autoencoder", "read_sizes"]
