"""Right ports, layout changes in the graph or in the kernels: none may be said to be wrong."""

from collections.abc import Mapping
from dataclasses import replace
from functools import partial

from keras import layers

from finta.pair import FINTA
from parity_tests.porting.causes.fault import PAIRS, Change, rebuilt
from parity_tests.porting.causes.planted.other_layers import POINT_MAJOR, instead, skipped, with_config
from parity_tests.porting.zoo import pairs as zoo
from porting import ModelPair


def folded(pair: ModelPair, changes: Mapping[str, Change], **axes: str) -> ModelPair:
    """The pair with its layout changes taken out of the graph and put into the kernels; a right port, too."""
    named = {name.replace("__", "."): pattern for name, pattern in axes.items()}
    return replace(pair, name=f"{pair.name}, folded", port=partial(rebuilt, pair.port, changes), axes=named)


_SPLIT_UNITS = dict.fromkeys(("query", "key", "value"), "(head=2 depth=6)")
FOLDED = (
    folded(
        FINTA,
        {"channel_major": skipped, **POINT_MAJOR},
        fc1__weight="latent (channel=1024 point=2) -> (point channel) latent",
        fc2__weight="(channel=1024 point=2) latent -> latent (point channel)",
        fc2__bias="(channel=1024 point=2) -> (point channel)",
    ),
    folded(
        zoo.DECODER,
        {"unflatten": instead(lambda: layers.Reshape((2, 2, 8))), "channels_last": skipped},
        fc__weight="(channel=8 row=2 column=2) latent -> latent (row column channel)",
        **{
            f"{name}": "(channel=8 row=2 column=2) -> (row column channel)"
            for name in ("fc__bias", "norm__weight", "norm__bias")
        },
    ),
    folded(
        zoo.TRANSFORMER,
        {
            **{f"split_{word}": with_config(depth_first=True) for word in _SPLIT_UNITS},
            "merge": with_config(order=(0, 2, 3, 1)),
        },
        **{f"{word}__weight": f"{units} feature -> feature (depth head)" for word, units in _SPLIT_UNITS.items()},
        **{f"{word}__bias": f"{units} -> (depth head)" for word, units in _SPLIT_UNITS.items()},
        project__weight="feature (head=2 depth=6) -> (depth head) feature",
    ),
    folded(
        zoo.SEPARABLE,
        {"channel_major": skipped},
        head__weight="label (channel=16 point=8) -> (point channel) label",
    ),
)
RIGHT = {**PAIRS, **{pair.name: pair for pair in FOLDED}}
"""Right ports, layout changes in the graph or in the kernels."""
