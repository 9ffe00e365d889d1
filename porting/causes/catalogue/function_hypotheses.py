"""The catalogue of functions between layers that the port runs otherwise. Adding a hypothesis is adding a row.

`steps` has what the port runs besides, `layer_hypotheses` what may be wrong inside a layer. All of them import torch:
they are imported where there is a divergence to explain.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

import torch

from porting.causes.catalogue.orders import not_transposed, one_operand, reshaped, swapped_operands, transposed_product, unscaled
from porting.causes.catalogue.resampling import padded, pooled, reduced, resized
from porting.causes.catalogue.variants import ACTIVATIONS, EPSILONS, FunctionCall, Replacements, on_first


@dataclass(frozen=True, slots=True)
class FunctionRow:
    """A function between layers that the port runs otherwise, or not at all.

    Attributes
    ----------
    name : str
    remedy : str or callable
        What to do, so that whoever does it gets PASS; of the call where it needs its sizes.
    functions : frozenset of str
        Which functions of torch it is about.
    variants : callable
        How the port may run one of them instead, each with what it does in words.
    """

    name: str
    remedy: str | Callable[[FunctionCall], str]
    functions: frozenset[str]
    variants: Callable[[FunctionCall], Replacements]

    def remedy_for(self, call: FunctionCall) -> str:
        """What to change for this call."""
        return self.remedy if isinstance(self.remedy, str) else self.remedy(call)


def _left_out(call: FunctionCall) -> Replacements:
    yield f"{call.name} is left out", on_first(lambda tensor: tensor)


def _another_activation(call: FunctionCall) -> Replacements:
    for name, step in ACTIVATIONS.items():
        yield f"{name} where the reference has {call.name}", on_first(step)


def _another_axis(call: FunctionCall) -> Replacements:
    for axis in range(1, call.result.ndim):
        yield f"over axis {axis}", on_first(partial(torch.softmax, dim=axis))


def _another_epsilon(call: FunctionCall) -> Replacements:
    for epsilon in EPSILONS:
        yield (
            f"epsilon {epsilon:g}",
            lambda function, arguments, keywords, epsilon=epsilon: function(*arguments, **{**keywords, "eps": epsilon}),
        )


_ACTIVATION_NAMES = frozenset(
    [
        "relu",
        "relu6",
        "leaky_relu",
        "elu",
        "selu",
        "celu",
        "gelu",
        "silu",
        "mish",
        "softplus",
        "softsign",
        "tanh",
        "sigmoid",
        "hardtanh",
        "hardsigmoid",
        "hardswish",
        "clamp",
        "logsigmoid",
        "rrelu",
    ]
)
_POOL_NAMES = frozenset(f"{kind}_pool{rank}d" for kind in ("max", "avg") for rank in (1, 2, 3))
_REDUCTION_NAMES = frozenset(
    {"mean", "amax", "sum", *(f"adaptive_{kind}_pool{rank}d" for kind in ("avg", "max") for rank in (1, 2, 3))}
)
ADDITIONS = frozenset({"add", "iadd", "radd"})
"""What the addition of two branches is called."""

_MULTIPLY = frozenset({"mul", "imul", "rmul", "div", "truediv", "itruediv", "true_divide", "multiply", "divide"})
_ORDERED = frozenset({"cat", "stack", "concat", "concatenate", "sub", "subtract", "rsub", "matmul", "bmm"})

FUNCTION_ROWS: tuple[FunctionRow, ...] = (
    FunctionRow("activation missing", "add the activation that the reference has there", _ACTIVATION_NAMES, _left_out),
    FunctionRow(
        "activation of another kind",
        "use the reference's activation, with its slope and its approximation",
        _ACTIVATION_NAMES,
        _another_activation,
    ),
    FunctionRow(
        "resizing of another kind",
        "resize as the reference does: Keras' UpSampling only repeats; interpolate in a layer of your own",
        frozenset({"interpolate", "upsample", "upsample_nearest", "upsample_bilinear"}),
        resized,
    ),
    FunctionRow(
        "padding of another kind", "pad in a layer of its own, as the reference does", frozenset({"pad"}), padded
    ),
    FunctionRow(
        "flattened or reshaped in another order",
        "put Permute before Flatten and after Reshape, so that channels are outermost as in torch",
        frozenset({"flatten", "reshape", "view", "unflatten", "ravel"}),
        reshaped,
    ),
    FunctionRow(
        "transposition missing",
        "move the axes as the reference does, by Permute rather than Reshape",
        frozenset({"transpose", "permute", "movedim", "swapaxes", "swapdims", "moveaxis", "t"}),
        not_transposed,
    ),
    FunctionRow("pooling of another kind", "pool and pad as the reference does", _POOL_NAMES, pooled),
    FunctionRow("pooling of another kind", "reduce as the reference does", _REDUCTION_NAMES, reduced),
    FunctionRow("pooling missing", "reduce as the reference does", _POOL_NAMES | _REDUCTION_NAMES, _left_out),
    FunctionRow(
        "softmax over another axis",
        "give softmax the reference's axis",
        frozenset({"softmax", "log_softmax"}),
        _another_axis,
    ),
    FunctionRow(
        "activation missing", "add the softmax that the reference has there", frozenset({"softmax"}), _left_out
    ),
    FunctionRow("scale missing", "scale as the reference does", _MULTIPLY, unscaled),
    FunctionRow("residual connection missing", "add both branches", ADDITIONS | {"sub"}, one_operand),
    FunctionRow("operands in another order", "give both in the reference's order", _ORDERED, swapped_operands),
    FunctionRow(
        "transposition missing",
        "move the axes as the reference does",
        frozenset({"matmul", "bmm"}),
        transposed_product,
    ),
    FunctionRow(
        "another epsilon",
        "give Keras the reference's epsilon",
        frozenset({"layer_norm", "group_norm", "instance_norm", "normalize", "batch_norm", "rms_norm"}),
        _another_epsilon,
    ),
)
"""What the port may do in the place of a function that the reference calls between two layers."""
