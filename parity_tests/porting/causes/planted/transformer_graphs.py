"""The transformer with other layers."""

from keras import layers

from parity_tests.porting.causes.fault import Finding, between, graph, inside
from parity_tests.porting.causes.planted.other_layers import (
    ApproximateGelu,
    LastingDropout,
    activation,
    after,
    instead,
    only,
    reordered,
    skipped,
    with_class,
    with_config,
)
from parity_tests.porting.causes.words import ADDED, EPSILON, FLATTENED, MISSING, NO_WORD, ORDER, OTHER, TRAINING


def stream(*causes: str) -> tuple[Finding, ...]:
    """What goes wrong before the transformer's second half goes on around it."""
    return between("norm2", *causes), between("norm3", *causes)


TRANSFORMER_GRAPHS = {
    "approximate GELU": graph("transformer", between("contract", OTHER), gelu=instead(ApproximateGelu)),
    "ReLU for GELU": graph("transformer", between("contract", OTHER), gelu=instead(activation("relu"))),
    "GELU twice": graph("transformer", between("contract", ADDED), gelu=after(activation("gelu"))),
    "missing GELU": graph("transformer", between("contract", MISSING), gelu=skipped),
    "softmax over the queries": graph(
        "transformer", between("project", "softmax over another axis"), softmax=with_config(axis=2)
    ),
    "softmax over the heads": graph(
        "transformer", between("project", "softmax over another axis"), softmax=with_config(axis=1)
    ),
    "scores not divided by the root of the depth": graph(
        "transformer", between("project", "scale missing"), scores=with_config(exponent=0.0)
    ),
    "scores not divided, one head": graph(
        "one head", between("project", "scale missing"), scores=with_config(exponent=0.0)
    ),
    "scores divided by the depth": graph(
        "transformer", between("project", "another scale"), scores=with_config(exponent=1.0)
    ),
    "query and key exchanged": graph(
        "transformer", between("project", ORDER, "transposition missing"), scores=reordered
    ),
    "query and key exchanged, one head": graph(
        "one head", between("project", ORDER, "transposition missing"), scores=reordered
    ),
    "shares transposed": graph(
        "transformer", between("project", "transposition missing", ORDER), attend=with_config(transposed=True)
    ),
    "heads split the other way round": graph(
        "transformer",
        between("project", FLATTENED),
        **{f"split_{word}": with_config(depth_first=True) for word in ("query", "key", "value")},
    ),
    "heads merged without transposition": graph(
        "transformer", between("project", "transposition missing", FLATTENED), merge=with_config(order=(0, 1, 2, 3))
    ),
    "heads merged depth first": graph(
        "transformer", between("project", FLATTENED, "transposition missing"), merge=with_config(order=(0, 2, 3, 1))
    ),
    "first residual connection missing": graph("transformer", stream("residual connection missing"), residual1=only(1)),
    "second residual connection missing": graph(
        "transformer", between("norm3", "residual connection missing"), residual2=only(1)
    ),
    "residual connection averaged": graph(
        "transformer",
        stream("scale missing", "another operation"),
        residual1=instead(layers.Average),
    ),
    "dropout left on": graph(
        "transformer",
        (between("norm2", TRAINING), between("norm3", *NO_WORD)),  # behind the second sum the mask is of two branches
        dropout1=with_class(LastingDropout),
    ),
    "second dropout left on": graph("transformer", between("norm3", TRAINING), dropout2=with_class(LastingDropout)),
    "LayerNorm over the positions": graph(
        "transformer", inside("norm2", "another axis normalised"), norm2=with_config(axis=1)
    ),
    "first LayerNorm with Keras' epsilon": graph(
        "transformer", inside("norm1", EPSILON), norm1=with_config(epsilon=1e-3)
    ),
    "last LayerNorm with Keras' epsilon": graph(
        "transformer", inside("norm3", EPSILON), norm3=with_config(epsilon=1e-3)
    ),
    "GELU inside a Dense layer": graph(
        "transformer", between("contract", ADDED), expand=with_config(activation="gelu")
    ),
}
