"""What the verifier calls the causes of a divergence."""

CAUSES = frozenset(
    {
        # wrong weights
        "kernel reversed along its taps",
        "transposed wrongly",
        "bias missing",
        "another layer's weights",
        "left at its initialisation",
        "mean and variance swapped",
        "rounded to float16",
        "rounded to bfloat16",
        "scaled weights",
        "gates in another order",
        "started from another state",
        "weights of unknown origin",
        "part of a sum",
        "channels in another order",
        # inside a layer
        "another epsilon",
        "training mode left on",
        "activation added",
        "offset by one point",
        "other groups",
        "another axis normalised",
        # between layers
        "flattened or reshaped in another order",
        "resizing of another kind",
        "padding of another kind",
        "activation missing",
        "activation of another kind",
        "pooling of another kind",
        "softmax over another axis",
        "residual connection missing",
        "scale missing",
        "input scaled",
        "reversed along an axis",
        "operands in another order",
        "transposition missing",
        "another scale",
        "another number",
        "another operation",
        "function missing",
        "normalisation missing",
        "another extreme",
        "mask missing",
        "another mask",
        "mask added",
        "another step taken",
        "another state taken",
        "positions offset",
        "pixels shuffled in another order",
        "residual connection from elsewhere",
        "masked steps counted",
        "mean over a mask",
        "inputs exchanged",
        "rounded to float32",
        "pooling missing",
        "parts in another order",
        "rotated in another layout",
        "another number of heads",
        "another table",
        "another function",
        "scale added",
        "connected otherwise",
        "steps in another order",
        "steps left out",
    }
)
"""All that the verifier has words for."""

FLATTENED, RESIZED, PADDED = (
    "flattened or reshaped in another order",
    "resizing of another kind",
    "padding of another kind",
)
SHIFT, MISSING, ADDED, OTHER = (
    "offset by one point",
    "activation missing",
    "activation added",
    "activation of another kind",
)
POOLED, ORDER, REVERSED, SCALED = (
    "pooling of another kind",
    "operands in another order",
    "reversed along an axis",
    "input scaled",
)
TRAINING, EPSILON, FOREIGN, INITIAL = (
    "training mode left on",
    "another epsilon",
    "another layer's weights",
    "left at its initialisation",
)
TAPS, TURNED, UNKNOWN = "kernel reversed along its taps", "transposed wrongly", "weights of unknown origin"
HALF, BRAIN = "rounded to float16", "rounded to bfloat16"
GATES = "gates in another order"

NO_WORD = ()
