"""All faults: those planted one at a time, and two of one pair together."""

from parity_tests.porting.causes.fault import Fault, graph
from parity_tests.porting.causes.planted.finta_graphs import FINTA_GRAPHS
from parity_tests.porting.causes.planted.image_graphs import IMAGE_GRAPHS
from parity_tests.porting.causes.planted.other_layers import with_config
from parity_tests.porting.causes.planted.sequence_graphs import SEQUENCE_GRAPHS
from parity_tests.porting.causes.planted.transformer_graphs import TRANSFORMER_GRAPHS
from parity_tests.porting.causes.planted.wrong_plans import WRONG_PLANS
from parity_tests.porting.causes.planted.wrong_weights import WRONG_WEIGHTS

_TRAINING = {
    "BatchNorm with torch's momentum": graph("classifier", (), norm1=with_config(momentum=0.1)),
    "BatchNorm with Keras' momentum": graph("separable", (), norm=with_config(momentum=0.99)),
    "frozen layer": graph("finta", (), encod_conv3=with_config(trainable=False)),
    "regularised kernel": graph("transformer", (), expand=with_config(kernel_regularizer="l2")),
}

_SINGLE = {
    **FINTA_GRAPHS,
    **IMAGE_GRAPHS,
    **TRANSFORMER_GRAPHS,
    **SEQUENCE_GRAPHS,
    **WRONG_WEIGHTS,
    **WRONG_PLANS,
    **_TRAINING,
}


def together(one: str, other: str) -> Fault:
    """Both faults in one port."""
    left, right = _SINGLE[one], _SINGLE[other]
    if left.pair != right.pair:
        raise ValueError(f"{one} is of {left.pair}, {other} of {right.pair}")
    both = {name: {**getattr(left, name), **getattr(right, name)} for name in ("changes", "weights", "axes")}
    return Fault(left.pair, (*left.expected, *right.expected), port=left.port or right.port, **both)


_TOGETHER = (
    ("encoder flattened point by point", "decoder unflattened point by point"),
    ("zero padding", "upsampling that repeats"),
    ("edge padding", "missing activation in the decoder"),
    ("LeakyReLU .3 for ReLU", "tanh for ReLU"),
    ("activation inside a layer", "activation after the last layer"),
    ("streamlines divided by 100", "bias zero"),
    ("kernel reversed along its taps", "missing activation in the decoder"),
    ("first kernel transposed", "last kernel transposed"),
    ("kernel through float16", "kernel through bfloat16"),
    ("BatchNorm with Keras' epsilon", "second BatchNorm with Keras' epsilon"),
    ("channels reversed at the input", "global maximum for average"),
    ("BatchNorm always in training mode", "SiLU for ReLU"),
    ("2-D kernel reversed along its taps", "2-D multipliers before channels"),
    ("code unflattened row by row", "cropped at the other end"),
    ("LayerNorm with Keras' epsilon", "GroupNorm with Keras' epsilon"),
    ("transposed convolution's kernel reversed", "tanh after the image"),
    ("approximate GELU", "scores not divided by the root of the depth"),
    ("first residual connection missing", "last LayerNorm with Keras' epsilon"),
    ("dropout left on", "query and key swapped"),
    ("softmax over the queries", "second residual connection missing"),
    ("zeros for circular padding", "average of what is there"),
    ("signals flattened point by point", "missing tanh at the end"),
    ("mean and variance of signals swapped", "multipliers before channels"),
    ("ReLU for ReLU6", "kernel with its sign changed"),
    ("embedding left at its initialisation", "difference the other way round"),
    ("trained: encoder flattened point by point", "trained: decoder unflattened point by point"),
    ("trained: zero padding", "trained: upsampling that repeats"),
    ("LSTM gates in the order i f o g", "GRU gates in torch's order"),
    ("units before gates", "recurrent kernel transposed"),
)

FAULTS = {**_SINGLE, **{f"{one} + {other}": together(one, other) for one, other in _TOGETHER}}
