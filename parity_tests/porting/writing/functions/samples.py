"""Torch's own samples for its functions, and which of them rows are not tried on."""

import importlib.util
import sys
import types
import unittest
import warnings
from unittest import mock

if importlib.util.find_spec("expecttest") is None:
    # Torch's test modules want it at import, for what is not used here.
    sys.modules["expecttest"] = types.SimpleNamespace(TestCase=unittest.TestCase)  # type: ignore[assignment]

EXCLUDED = {
    "allclose": "its result depends on values: torch exports no such graph",
    "equal": "its result depends on values: torch exports no such graph",
    "corrcoef": "asks whether tensors are equal while it runs",
    "cov": "asks whether tensors are equal while it runs",
    "nn.functional.ctc_loss": "a loss whose size depends on values",
    "nn.functional.gaussian_nll_loss": "branches on values",
    "sparse.sampled_addmm": "tensors that are not dense",
    "sparse.mm": "tensors that are not dense",
    "bfloat16": "ports keep floating-point numbers in their own precision",
    "half": "ports keep floating-point numbers in their own precision",
    "float": "ports keep floating-point numbers in their own precision",
    "cdouble": "no complex numbers",
    "cfloat": "no complex numbers",
    "chalf": "no complex numbers",
    "empty": "its values are whatever the memory holds",
    "empty_like": "its values are whatever the memory holds",
    "new_empty": "its values are whatever the memory holds",
    "empty_strided": "its values are whatever the memory holds",
    "new_empty_strided": "its values are whatever the memory holds",
    "empty_permuted": "its values are whatever the memory holds",
    "as_strided": "reads a tensor's memory, which a copy of it has not",
    "combinations": "how many there are depends on the number of elements alone, which torch traces as values",
    "linalg.lstsq": "what it returns depends on values",
    **dict.fromkeys(
        (
            "jiterator_unary",
            "jiterator_binary",
            "jiterator_binary_return_by_ref",
            "jiterator_2inputs_2outputs",
            "jiterator_4inputs_with_extra_args",
        ),
        "runs on GPUs alone",
    ),
    "nn.functional.max_pool3d": "TensorFlow has it in float32 alone",
    "nn.functional.avg_pool3d": "TensorFlow has it in float32 alone on the CPU",
}
"""Names in torch's list -> why rows are not tried on its samples."""


def op_db():
    """Torch's list of its functions; its import warns of packages, and would forbid other tests to set flags."""
    import torch

    with warnings.catch_warnings(), mock.patch.object(torch.backends, "disable_global_flags"):
        warnings.simplefilter("ignore")
        from torch.testing._internal.common_methods_invocations import op_db

    return op_db


def samples_of(name, count):
    """Up to so many samples of each variant of a function: (function, tensors)."""
    import torch

    for op in op_db():
        if op.name == name and torch.float64 in op.dtypes:
            with warnings.catch_warnings(action="ignore"):  # torch draws some by what it has deprecated
                samples = [sample for sample in op.sample_inputs("cpu", torch.float64) if _is_usual(sample)]
            for sample in samples[:: max(1, len(samples) // count)][:count]:
                yield _call(op, sample)


def names():
    """All functions that torch has samples for, without those that rows are not tried on."""
    return sorted({op.name for op in op_db()} - set(EXCLUDED))


def _is_usual(sample):
    """Whether a sample is a batch of something: neither a lone number nor an empty tensor, and all of it numbers."""
    return all(tensor.dim() and tensor.numel() and not tensor.isnan().any() for tensor in _tensors(sample)[0])


def _tensors(sample):
    import torch
    import torch.utils._pytree as pytree

    leaves, spec = pytree.tree_flatten((sample.input, sample.args, sample.kwargs))
    return [leaf.detach() for leaf in leaves if isinstance(leaf, torch.Tensor)], leaves, spec


def _call(op, sample):
    import torch
    import torch.utils._pytree as pytree

    tensors, leaves, spec = _tensors(sample)

    def function(*given):
        rest = iter(given)
        filled = [next(rest) if isinstance(leaf, torch.Tensor) else leaf for leaf in leaves]
        first, args, keywords = pytree.tree_unflatten(filled, spec)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # torch warns of its own samples
            made = op.op(first, *args, **keywords)
        return [tensor for tensor in pytree.tree_leaves(made) if isinstance(tensor, torch.Tensor)]

    return function, tensors
