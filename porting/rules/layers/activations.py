"""Rows of the activations that own weights."""

from porting.rules.rule import LayerRule
from porting.rules.shared_settings import by_sizes, trained

PRELU = LayerRule(
    "PReLU",
    "PReLU",
    {"weight": ("alpha", tuple(f"channel -> {'1 ' * rank}channel" for rank in range(4)))},
    (by_sizes("num_parameters", "shared_axes"), *trained("alpha")),
)
