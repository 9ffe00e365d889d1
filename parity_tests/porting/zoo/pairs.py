"""Pairs of models that have nothing to do with streamlines: the tool is to port them all the same way."""

from dataclasses import replace
from functools import partial

from parity_tests.porting.zoo.images import Classifier, Decoder, build_classifier, build_decoder
from parity_tests.porting.zoo.sequences import Recurrent, Siamese, SiamesePort, build_recurrent, draw_tokens
from parity_tests.porting.zoo.signals import Separable, build_separable
from parity_tests.porting.zoo.transformers import Transformer, build_transformer
from porting import ModelPair
from porting.pairs.finding import draw_probe

IMAGES = "sample channel row column -> sample row column channel"
SIGNALS = "sample channel point -> sample point channel"


def scaled(pair: ModelPair, scale: float = 1.0, samples: int = 8) -> ModelPair:
    """The pair with a probe so many times as large, of a few samples; tokens stay what they are."""

    def draw(sizes, file, count):
        drawn = draw_probe(pair, sizes, file, min(count, samples))
        arrays = (array * array.dtype.type(scale) if array.dtype.kind == "f" else array for array in drawn.arrays)
        return replace(drawn, arrays=tuple(arrays), source=f"{drawn.source}, times {scale:g}")

    return replace(pair, probe=draw)


CLASSIFIER = ModelPair(
    name="classifier",
    reference=Classifier,
    port=build_classifier,
    inputs=(IMAGES,),
    outputs={"scores": "sample label -> sample label"},
    input_shapes=((16, 16, 3),),
)
DECODER = ModelPair(
    name="decoder", reference=Decoder, port=build_decoder, outputs={"image": IMAGES}, input_shapes=((6,),)
)
SIAMESE = ModelPair(
    name="siamese",
    reference=Siamese,
    port=SiamesePort,
    inputs=("... -> ...", "... -> ..."),
    outputs={"left": "... -> ...", "difference": "... -> ..."},
    probe=draw_tokens,
)
TRANSFORMER = ModelPair(
    name="transformer",
    reference=Transformer,
    port=build_transformer,
    outputs={"labels": "... -> ..."},
    input_shapes=((12, 5),),
    # Keras runs branches in an order of its own, here the key's first.
    matches={"query": "query", "key": "key"},
)
ONE_HEAD = replace(
    TRANSFORMER, name="one head", reference=partial(Transformer, heads=1), port=partial(build_transformer, heads=1)
)
SEPARABLE = ModelPair(
    name="separable",
    reference=Separable,
    port=build_separable,
    inputs=(SIGNALS,),
    outputs={"scores": "... -> ..."},
    input_shapes=((32, 4),),
)
LEAKY = replace(
    SEPARABLE, name="leaky", reference=partial(Separable, slope=0.01), port=partial(build_separable, slope=0.01)
)
"""A slope that float32 has not: TensorFlow takes it in float32 whatever the precision of the activation."""
RECURRENT = ModelPair(
    name="recurrent",
    reference=Recurrent,
    port=build_recurrent,
    outputs={"labels": "... -> ..."},
    input_shapes=((9, 5),),
)
PAIRS = (CLASSIFIER, DECODER, TRANSFORMER, ONE_HEAD, SEPARABLE, LEAKY, SIAMESE, RECURRENT)
