"""Axes of length 1 that one side keeps and the other drops; samples and steps that are merged in one of them."""

import math

import numpy as np

from porting.rules import patterns


def with_unit_axes_of(array: np.ndarray, shape: tuple[int, ...]) -> np.ndarray:
    """An array with the unit axes of another shape, where the two differ in nothing else but their samples.

    Parameters
    ----------
    array : ndarray, (sample, ...)
    shape : tuple of int
        Its first axis is the samples', too.
    """
    if array.ndim and shape and array.shape[1:] != shape[1:] and _longer(array.shape) == _longer(shape):
        return array.reshape(len(array), *shape[1:])
    return array


def with_axes_of(array: np.ndarray, shape: tuple[int, ...]) -> np.ndarray:
    """An array with the axes of another shape, where the two differ in unit axes, or in which of the first are merged.

    Parameters
    ----------
    array : ndarray, (sample, ...)
    shape : tuple of int
        Its first axis is the samples', too.
    """
    found = with_unit_axes_of(array, shape)
    return found.reshape(-1, *shape[1:]) if _is_merged(found.shape, shape) else found


def _is_merged(ours: tuple[int, ...], theirs: tuple[int, ...]) -> bool:
    """Whether one shape is the other with its first axes merged, as ``x.view(-1, features)`` has them for a layer."""
    few, many = sorted((ours, theirs), key=len)
    within = math.prod(many[1 : len(many) - len(few) + 1])
    return 1 < len(few) < len(many) and few[1:] == many[len(many) - len(few) + 1 :] and few[0] % within == 0


def output_to_port(output: np.ndarray, pattern: str, shape: tuple[int, ...], *, named: str = "") -> np.ndarray:
    """A reference's output in the port's axis order, with the unit axes of the port's.

    Parameters
    ----------
    output : ndarray, (sample, ...)
        It may have unit axes that the pattern does not name.
    pattern : str
    shape : tuple of int
        Of the port's output.
    named : str
        What to call the output where the pattern does not fit.
    """
    rank = patterns.ranks(pattern)[0]
    if "..." not in pattern and output.ndim > rank == len(_longer(output.shape)) + 1:
        output = output.reshape(len(output), *_longer(output.shape))
    return with_unit_axes_of(patterns.to_port(output, pattern, shape, named=named), shape)


def _longer(shape: tuple[int, ...]) -> tuple[int, ...]:
    """Lengths of the axes behind the samples' that are not 1."""
    return tuple(length for length in shape[1:] if length != 1)
