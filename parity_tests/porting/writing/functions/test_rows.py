import numpy as np
import pytest

from parity_tests.porting.writing.functions.computing import by_rows, in_torch_order
from parity_tests.porting.writing.functions.samples import names, samples_of
from porting.port.habits.activations import exact_activations
from porting.writing.functions.row import NoRowError

USUAL = [
    "add", "rsub", "div", "pow", "clamp", "where", "masked_fill", "lerp", "atan2", "remainder", "xlogy", "round",
    "softmax", "log_softmax", "nn.functional.gelu", "nn.functional.glu", "nn.functional.threshold",
    "nn.functional.hardshrink", "nn.functional.celu", "nn.functional.prelu", "sum", "mean", "var", "std_mean", "norm",
    "argmax", "cumsum", "cummax", "logcumsumexp", "logsumexp", "median", "kthvalue", "searchsorted", "bucketize",
    "any", "topk", "sort", "gather", "index_select", "diff", "take_along_dim",
    "diagonal", "cat", "stack", "split", "unbind", "roll", "flip", "repeat", "unfold", "select_scatter",
    "slice_scatter", "scatter", "scatter_add", "index_put", "index_add", "reshape", "movedim",
    "hsplit", "dsplit", "erfc",
    "expand", "matmul", "addmm", "einsum", "linalg.inv", "linalg.det", "linalg.solve", "linalg.cholesky",
    "nn.functional.bilinear",
    "nn.functional.linear", "nn.functional.layer_norm", "nn.functional.group_norm", "nn.functional.rms_norm",
    "nn.functional.normalize", "nn.functional.cosine_similarity", "nn.functional.scaled_dot_product_attention",
    "nn.functional.pad", "nn.functional.unfold", "nn.functional.pixel_shuffle", "nn.functional.pixel_unshuffle",
    "nn.functional.channel_shuffle", "nn.functional.avg_pool2d", "meshgrid",
    "tril", "eye", "full_like", "new_ones",
]  # fmt: skip


@pytest.fixture(autouse=True)
def float64():
    import keras

    floatx, policy = keras.config.floatx(), keras.config.dtype_policy()
    keras.config.set_floatx("float64")
    keras.config.set_dtype_policy("float64")
    with exact_activations():
        yield
    keras.config.set_floatx(floatx)
    keras.config.set_dtype_policy(policy)


def turned(rank):
    """The first axis last, as nothing in torch has it."""
    return [*range(1, rank), 0] if rank else []


def compared(name, count):
    """How many samples were computed as torch does, and why others were refused."""
    right, refused = 0, []
    for function, tensors in samples_of(name, count):
        wanted = function(*(tensor.clone() for tensor in tensors))
        for order in (None, turned):
            try:
                made = [in_torch_order(value) for value in by_rows(function, tensors, order)]
            except NoRowError as error:
                refused.append(str(error))
                continue
            for tensor, array in zip(wanted, made, strict=True):
                np.testing.assert_allclose(
                    array.astype(float), tensor.detach().numpy().astype(float), rtol=1e-10, atol=1e-12
                )
            right += 1
    return right, refused


@pytest.mark.parametrize("name", USUAL)
def test_rows_compute_what_torch_does_however_axes_are_held(name):
    right, refused = compared(name, 2)
    assert right, refused


@pytest.mark.slow
def test_no_row_computes_anything_else_than_torch():
    failed = {}
    for name in names():
        try:
            _, refused = compared(name, 6)
        except Exception as error:
            failed[name] = f"{type(error).__name__}: {str(error)[:200]}"
            continue
        if broken := [why for why in refused if why.startswith("its row fails")]:
            failed[name] = broken[0]
    assert not failed


def refusals():
    import torch
    from torch.nn import functional

    image = torch.ones(2, 4, 6, 6)
    table = torch.ones(2, 4)
    return {
        "dropout in evaluation": (lambda x: functional.dropout(x, 0.5, training=True), table),
        "rrelu that draws": (lambda x: functional.rrelu(x, training=True), table),
        "softplus with threshold": (lambda x: functional.softplus(x, threshold=5), table),
        "dilation": (lambda x: functional.max_pool2d(x, 2, dilation=2), image),
        "roll of the flattened": (lambda x: torch.roll(x, 1), table),
        "flattened tensor": (lambda x: x.argmax(), table),
        "reflection": (
            lambda x: functional.grid_sample(
                x, x.permute(0, 2, 3, 1)[..., :2], padding_mode="reflection", align_corners=False
            ),
            image,
        ),
        "reads the numbers|dtype|no row": (lambda x: torch.fft.fft(x).abs(), table),
    }


@pytest.mark.parametrize("words", refusals())
def test_a_call_that_a_row_does_not_know_is_refused(words):
    function, tensor = refusals()[words]
    with pytest.raises(NoRowError, match=words):
        by_rows(function, [tensor.double()])
