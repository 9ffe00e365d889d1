"""Torch models that are written, by what they are for."""
