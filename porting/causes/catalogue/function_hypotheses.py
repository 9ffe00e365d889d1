"""The catalogue of functions between layers that the port runs otherwise. Adding a hypothesis is adding a row.

`steps` has what the port runs besides, `layer_hypotheses` what may be wrong inside a layer. All of them import torch:
they are imported where there is a divergence to explain.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

import torch

from porting.causes.catalogue import attention, orders, poolings, resampling, selections
from porting.causes.catalogue.variants import (
    ACTIVATIONS,
    EPSILONS,
    POSITIVE,
    FunctionCall,
    Replacements,
    activation_in_keras,
    first_argument,
    on_first,
)


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


def _other_extreme(call: FunctionCall) -> Replacements:
    other = {"argmin": "argmax", "argmax": "argmin"}[call.name]
    yield (
        f"{other} where the reference has {call.name}",
        lambda _, arguments, keywords: getattr(torch, other)(*arguments, **keywords),
    )


def _another_activation(call: FunctionCall) -> Replacements:
    bound = call.bound("input", "min", "max")
    if call.name == "clamp" and None in (bound.get("min"), bound.get("max")):
        return  # it guards, as against dividing by zero
    for name, step in ACTIVATIONS.items():
        yield f"{name} where the reference has {call.name}", on_first(step)


def _another_function(call: FunctionCall) -> Replacements:
    given = first_argument(call.arguments, call.keywords)
    is_of_one_sign = not given.is_complex() and bool((given > 0).all() or (given < 0).all())
    for name in _FUNCTIONS:
        if name != call.name and not (name == "sign" and is_of_one_sign):  # nothing would be left of it
            yield f"{name} where the reference has {call.name}", on_first(getattr(torch, name))


def _no_softmax(call: FunctionCall) -> Replacements:
    """Its logarithm, or each value by itself."""
    dim = call.bound("input", "dim").get("dim", -1)
    if call.name == "softmax":
        yield "log_softmax where the reference has softmax", on_first(partial(torch.log_softmax, dim=dim))
    for name, step in ACTIVATIONS.items():
        if not name.startswith("softmax"):
            yield f"{name} where the reference has {call.name}", on_first(step)


def _another_positive(call: FunctionCall) -> Replacements:
    """What else makes positive numbers of any."""
    for name, step in POSITIVE.items():
        yield f"{name} where the reference has {call.name}", on_first(step)


def _another_axis(call: FunctionCall) -> Replacements:
    if call.name == "log_softmax":
        dim = call.bound("input", "dim").get("dim", -1)
        yield "softmax without its logarithm", on_first(partial(torch.softmax, dim=dim))
    for axis in range(1, call.result.ndim):
        yield f"over axis {axis}", on_first(partial(getattr(torch, call.name), dim=axis))


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
_FUNCTIONS = ("abs", "square", "exp", "log", "log1p", "expm1", "sqrt", "rsqrt", "sin", "cos", "sign", "erf", "floor")
_OF_EACH_VALUE = frozenset([*_FUNCTIONS, "round", "ceil", "trunc"])
"""What is called alike in ``keras.ops``."""

_POWERS = frozenset({"pow"})

_NORMALISES = frozenset({"normalize"})
_EXTREMES = frozenset({"argmin", "argmax"})
_POOL_NAMES = frozenset(f"{kind}_pool{rank}d" for kind in ("max", "avg") for rank in (1, 2, 3))
_REDUCTION_NAMES = frozenset(
    {
        "mean",
        "amax",
        "sum",
        "logsumexp",
        *(f"adaptive_{kind}_pool{rank}d" for kind in ("avg", "max") for rank in (1, 2, 3)),
    }
)
ADDITIONS = frozenset({"add", "iadd", "radd"})
"""What the addition of two branches is called."""

_MULTIPLY = frozenset({"mul", "imul", "rmul", "div", "truediv", "itruediv", "true_divide", "multiply", "divide"})
_ORDERED = frozenset({"cat", "stack", "concat", "concatenate", "sub", "subtract", "rsub", "matmul", "bmm"})

_RESHAPES = frozenset({"flatten", "reshape", "view", "unflatten", "ravel"})
_TRANSPOSES = frozenset({"transpose", "permute", "movedim", "swapaxes", "swapdims", "moveaxis", "t"})
_SOFTMAX = frozenset({"softmax", "log_softmax"})
_MASKING = frozenset({attention.ATTENTION, "masked_fill", "where", *ADDITIONS})
_NORMALISING = frozenset({"layer_norm", "group_norm", "instance_norm", "normalize", "batch_norm", "rms_norm"})


def _with_activation(verb: str, call: FunctionCall) -> str:
    """Put there the activation that the reference has, as Keras writes it, with its slope, approximation or axis."""
    return f"{verb} {activation_in_keras(call)}"


def _own_epsilon(call: FunctionCall) -> str:
    """Give Keras the reference's epsilon."""
    return f"epsilon={call.keywords.get('eps', 1e-12 if call.name == 'normalize' else 1e-5):g}"


def _own_function(call: FunctionCall) -> str:
    """Put there the function that the reference has, by its name in keras.ops."""
    exponent = call.bound("input", "exponent").get("exponent")
    return f"put there ops.{call.name}" if call.name not in _POWERS else f"put there ops.power(x, {exponent})"


def _own_operation(call: FunctionCall) -> str:
    """Put the two together as the reference does: add, sub, mul."""
    return f"{call.name} the two, in the reference's order"


FUNCTION_ROWS: tuple[FunctionRow, ...] = (
    FunctionRow("activation missing", partial(_with_activation, "add"), _ACTIVATION_NAMES, _left_out),
    FunctionRow(
        "activation of another kind", partial(_with_activation, "put there"), _ACTIVATION_NAMES, _another_activation
    ),
    FunctionRow(
        "activation of another kind",
        "multiply the first part with the sigmoid of the second",
        frozenset({"glu"}),
        orders.gated_otherwise,
    ),
    FunctionRow(
        "resizing of another kind",
        resampling.resize_remedy,
        frozenset({"interpolate", "upsample", "upsample_nearest", "upsample_bilinear"}),
        resampling.resized,
    ),
    FunctionRow(
        "activation of another kind",
        partial(_with_activation, "put there"),
        frozenset({"exp", "softplus"}),
        _another_positive,
    ),
    FunctionRow("function missing", lambda call: f"add ops.{call.name}", _OF_EACH_VALUE, _left_out),
    FunctionRow(
        "another function",
        _own_function,
        _OF_EACH_VALUE | _POWERS,
        _another_function,
    ),
    FunctionRow("normalisation missing", "add ops.normalize, order 2, over the same axis", _NORMALISES, _left_out),
    FunctionRow("another extreme", lambda call: f"take ops.{call.name}", _EXTREMES, _other_extreme),
    FunctionRow("padding of another kind", resampling.padding_remedy, frozenset({"pad"}), resampling.padded),
    FunctionRow("flattened or reshaped in another order", orders.reshape_remedy, _RESHAPES, orders.reshaped),
    FunctionRow("transposition missing", orders.transposition_remedy, _TRANSPOSES, orders.not_transposed),
    FunctionRow("pooling of another kind", poolings.pool_remedy, _POOL_NAMES, poolings.pooled),
    FunctionRow("pooling of another kind", poolings.reduction_remedy, _REDUCTION_NAMES, poolings.reduced),
    FunctionRow(
        "pooling of another kind", poolings.reduction_remedy, frozenset({"max", "min"}), poolings.reduced_with_places
    ),
    FunctionRow("pooling missing", poolings.pool_remedy, _POOL_NAMES, _left_out),
    FunctionRow("pooling missing", poolings.reduction_remedy, _REDUCTION_NAMES, _left_out),
    FunctionRow("softmax over another axis", partial(_with_activation, "put there"), _SOFTMAX, _another_axis),
    FunctionRow("activation missing", partial(_with_activation, "add"), _SOFTMAX, _left_out),
    FunctionRow("activation of another kind", partial(_with_activation, "put there"), _SOFTMAX, _no_softmax),
    FunctionRow("scale missing", attention.scale_remedy, _MULTIPLY, orders.unscaled),
    FunctionRow("another scale", attention.scale_remedy, _MULTIPLY, attention.rescaled),
    FunctionRow(
        "another scale", attention.scale_remedy, frozenset({attention.ATTENTION}), attention.rescaled_attention
    ),
    FunctionRow("mask missing", attention.mask_remedy, _MASKING, attention.unmasked),
    FunctionRow("another mask", attention.mask_remedy, _MASKING, attention.masked_otherwise),
    FunctionRow(
        "mask added",
        "remove the mask: the reference has none there",
        frozenset({attention.ATTENTION, "softmax"}),
        attention.masked_besides,
    ),
    FunctionRow(
        "another step taken", selections.step_remedy, frozenset({"getitem", "select"}), selections.another_step
    ),
    FunctionRow(
        "positions offset", selections.position_remedy, frozenset({"getitem", "arange"}), selections.moved_positions
    ),
    FunctionRow(
        "pixels shuffled in another order",
        selections.shuffle_remedy,
        frozenset({"pixel_shuffle", "pixel_unshuffle"}),
        selections.shuffled_otherwise,
    ),
    FunctionRow("residual connection missing", "add both branches, by Add", ADDITIONS | {"sub"}, orders.one_operand),
    FunctionRow("term missing", orders.term_remedy, ADDITIONS | {"sub"}, orders.term_left_out),
    FunctionRow(
        "axis put in elsewhere",
        selections.axis_remedy,
        frozenset({"unsqueeze", "getitem"}),
        selections.axis_put_in_elsewhere,
    ),
    FunctionRow(
        "parts in another order",
        selections.parts_remedy,
        frozenset({"split", "chunk", "split_with_sizes", "tensor_split", "unbind"}),
        selections.parts_taken_otherwise,
    ),
    FunctionRow("operands in another order", orders.order_remedy, _ORDERED, orders.swapped_operands),
    FunctionRow(
        "another operation",
        _own_operation,
        ADDITIONS | {"sub", "subtract", "rsub", "mul", "multiply"},
        orders.another_operation,
    ),
    FunctionRow(
        "transposition missing",
        "multiply without transposing the product",
        frozenset({"matmul", "bmm"}),
        orders.transposed_product,
    ),
    FunctionRow("another epsilon", _own_epsilon, _NORMALISING, _another_epsilon),
)
"""What the port may do in the place of a function that the reference calls between two layers."""
