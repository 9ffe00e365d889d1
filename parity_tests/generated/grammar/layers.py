"""Layers of `torch.nn` by the rank of what they take, with settings that people give and with odd ones."""

from collections.abc import Callable

import torch

from parity_tests.generated.grammar.dice import Dice, StepError

Maker = Callable[[Dice, torch.Tensor], str]

WIDTHS = (2, 3, 4, 5, 6, 8)

ACTIVATIONS = [
    "nn.ReLU()", "nn.GELU()", "nn.SiLU()", "nn.Tanh()", "nn.Sigmoid()", "nn.LeakyReLU(0.1)", "nn.ELU()", "nn.ReLU6()",
    "nn.Hardswish()", "nn.Mish()", "nn.Softplus()", "nn.GELU(approximate='tanh')", "nn.SELU()", "nn.CELU(0.7)",
    "nn.ELU(alpha=0.5)", "nn.Hardsigmoid()", "nn.Hardtanh(-0.5, 1.5)", "nn.LogSigmoid()", "nn.Softsign()",
    "nn.Tanhshrink()", "nn.Softshrink(0.3)", "nn.Hardshrink(0.4)", "nn.Threshold(0.1, -0.2)", "nn.Softplus(beta=2)",
    "nn.LeakyReLU()", "nn.RReLU()", "nn.ReLU(inplace=True)", "nn.Identity()",
]  # fmt: skip


def activation(dice: Dice, x: torch.Tensor) -> str:
    return dice.pick(ACTIVATIONS)


def parametric_relu(dice: Dice, x: torch.Tensor) -> str:
    return f"nn.PReLU({x.shape[1]})" if dice.chance(60) else "nn.PReLU()"


def linear(dice: Dice, x: torch.Tensor) -> str:
    return f"nn.Linear({x.shape[-1]}, {dice.pick(WIDTHS)}{dice.settings(bias=[False])})"


def convolution(dice: Dice, x: torch.Tensor) -> str:
    rank, inputs = x.ndim - 2, x.shape[1]
    groups = dice.pick([1, 1, 1, *(count for count in range(2, inputs + 1) if inputs % count == 0)])
    filters = groups * dice.pick([1, 2, 3, 4])
    size = _sizes(dice, [1, 3, 2, 5, 4], rank)
    plain = not dice.chance(40)
    settings = f", groups={groups}" if groups > 1 else ""
    if plain:
        odd = isinstance(size, int) and size % 2
        settings += f", padding={size // 2}" if odd and size > 1 else ""
    else:
        settings += dice.settings(stride=[2, 3], dilation=[2], bias=[False])
        strided = "stride" in settings
        padding: list = [1, 2, "valid"] if strided else [1, "same", 2, "valid"]
        settings += dice.settings(padding=[*padding, tuple(dice.number(0, 2) for _ in range(rank))])
        settings += dice.settings(padding_mode=["reflect", "replicate", "circular"]) if rank < 3 else ""
    return f"nn.Conv{rank}d({inputs}, {filters}, {size}{settings})"


def transposed_convolution(dice: Dice, x: torch.Tensor) -> str:
    rank = x.ndim - 2
    stride = dice.pick([1, 2])
    settings = f", stride={stride}" if stride > 1 else ""
    settings += dice.settings(padding=[1], bias=[False], dilation=[2])
    settings += dice.settings(output_padding=[1]) if stride > 1 else ""
    return f"nn.ConvTranspose{rank}d({x.shape[1]}, {dice.pick(WIDTHS)}, {_sizes(dice, [2, 3, 4], rank)}{settings})"


def _sizes(dice: Dice, choices: list[int], rank: int) -> int | tuple[int, ...]:
    if rank > 1 and dice.chance(15):
        return tuple(dice.pick(choices) for _ in range(rank))
    return dice.pick(choices)


def max_pooling(dice: Dice, x: torch.Tensor) -> str:
    rank = x.ndim - 2
    size = _sizes(dice, [2, 3], rank)
    settings = dice.settings(stride=[1, 2, 3], padding=[1], ceil_mode=[True], dilation=[1])
    return f"nn.MaxPool{rank}d({size}{settings})"


def average_pooling(dice: Dice, x: torch.Tensor) -> str:
    rank = x.ndim - 2
    settings = dice.settings(stride=[1, 2, 3], padding=[1], ceil_mode=[True], count_include_pad=[False])
    settings += dice.settings(divisor_override=[3]) if rank > 1 else ""
    return f"nn.AvgPool{rank}d({_sizes(dice, [2, 3], rank)}{settings})"


def adaptive_pooling(dice: Dice, x: torch.Tensor) -> str:
    rank = x.ndim - 2
    kind = dice.pick(["Avg", "Avg", "Max"])
    sizes = [1, 2, *(size for size in range(2, 5) if x.shape[-1] % size == 0)]
    size = dice.pick(sizes)
    return f"nn.Adaptive{kind}Pool{rank}d({(size,) * rank if rank > 1 and dice.chance(30) else size})"


def power_pooling(dice: Dice, x: torch.Tensor) -> str:
    return f"nn.LPPool{x.ndim - 2}d(2, 2{dice.settings(stride=[1, 2])})"


def batch_normalisation(dice: Dice, x: torch.Tensor) -> str:
    rank = max(x.ndim - 2, 1)
    settings = dice.settings(eps=[1e-3, 1e-2], momentum=[0.01, 0.3], affine=[False])
    return f"nn.BatchNorm{rank}d({x.shape[1]}{settings})"


def group_normalisation(dice: Dice, x: torch.Tensor) -> str:
    groups = [count for count in range(1, x.shape[1] + 1) if x.shape[1] % count == 0]
    return f"nn.GroupNorm({dice.pick(groups)}, {x.shape[1]}{dice.settings(eps=[1e-3], affine=[False])})"


def instance_normalisation(dice: Dice, x: torch.Tensor) -> str:
    return f"nn.InstanceNorm{x.ndim - 2}d({x.shape[1]}{dice.settings(eps=[1e-3], affine=[True])})"


def layer_normalisation(dice: Dice, x: torch.Tensor) -> str:
    shape = list(x.shape[1:])[-dice.times(x.ndim - 1, 20) :]
    if len(shape) == 1 and shape[0] < 4:
        raise StepError("a normalisation of so few is all rounding")
    settings = dice.settings(eps=[1e-3, 1e-6], elementwise_affine=[False], bias=[False])
    return f"nn.LayerNorm({shape[0] if len(shape) == 1 else shape}{settings})"


def rms_normalisation(dice: Dice, x: torch.Tensor) -> str:
    return f"nn.RMSNorm({x.shape[-1]}{dice.settings(eps=[1e-3, 1e-6], elementwise_affine=[False])})"


def local_normalisation(dice: Dice, x: torch.Tensor) -> str:
    return f"nn.LocalResponseNorm({dice.pick([2, 3])}{dice.settings(alpha=[0.1], k=[2.0])})"


def dropout(dice: Dice, x: torch.Tensor) -> str:
    kinds = ["Dropout", "Dropout", "AlphaDropout"]
    kinds += [f"Dropout{x.ndim - 2}d"] * 2 if x.ndim > 2 else []
    return f"nn.{dice.pick(kinds)}({dice.pick([0.1, 0.5, 0.3])}{dice.settings(inplace=[True])})"


def upsampling(dice: Dice, x: torch.Tensor) -> str:
    linear = {3: "linear", 4: "bilinear", 5: "trilinear"}[x.ndim]
    mode = dice.pick(["nearest", linear, "nearest-exact", *(["bicubic"] if x.ndim == 4 else [])])
    settings = dice.settings(align_corners=[True, False]) if not mode.startswith("nearest") else ""
    given = f"size={dice.pick([4, 5, 8])}" if dice.chance(25) else f"scale_factor={dice.pick([2, 3])}"
    return f"nn.Upsample({given}, mode={mode!r}{settings})"


def padding(dice: Dice, x: torch.Tensor) -> str:
    rank = x.ndim - 2
    kind = dice.pick(["Zero", "Reflection", "Replication", "Constant", "Circular"])
    pads = tuple(dice.number(0, 2) for _ in range(2 * rank)) if dice.chance(50) else dice.number(1, 2)
    return f"nn.{kind}Pad{rank}d({pads}{', 0.5' if kind == 'Constant' else ''})"


def flattening(dice: Dice, x: torch.Tensor) -> str:
    return f"nn.Flatten({dice.pick(['', *range(2, x.ndim - 1)])})"


def softmax(dice: Dice, x: torch.Tensor) -> str:
    kind = dice.pick(["Softmax", "LogSoftmax", "Softmin"])
    return f"nn.{kind}(dim={dice.axis(x.ndim)})"


def gated_linear(dice: Dice, x: torch.Tensor) -> str:
    return f"nn.GLU(dim={dice.axis(x.ndim)})"


def unflattening(dice: Dice, x: torch.Tensor) -> str:
    axis = dice.number(1, x.ndim - 1)
    return f"nn.Unflatten({axis}, ({dice.pick([2, 3])}, -1))"


def shuffling(dice: Dice, x: torch.Tensor) -> str:
    return dice.pick(["nn.PixelShuffle(2)", "nn.PixelUnshuffle(2)", "nn.ChannelShuffle(2)"])


def normalised_weight(dice: Dice, x: torch.Tensor) -> str:
    made = linear(dice, x) if x.ndim == 2 else convolution(dice, x)
    return f"nn.utils.parametrizations.weight_norm({made})" if dice.chance(60) else f"nn.utils.weight_norm({made})"


LAYERS: list[tuple[int, str, tuple[int, ...], Maker]] = [
    (8, "conv", (3, 4, 5), convolution),
    (7, "fc", (2, 3), linear),
    (1, "fc", (4, 5), linear),
    (6, "act", (2, 3, 4, 5), activation),
    (1, "prelu", (2, 3, 4, 5), parametric_relu),
    (4, "bn", (2, 3, 4, 5), batch_normalisation),
    (2, "gn", (2, 3, 4, 5), group_normalisation),
    (2, "norm", (3, 4, 5), instance_normalisation),
    (3, "ln", (2, 3, 4, 5), layer_normalisation),
    (2, "rms", (2, 3, 4, 5), rms_normalisation),
    (1, "lrn", (3, 4, 5), local_normalisation),
    (3, "dropout", (2, 3, 4, 5), dropout),
    (2, "up", (3, 4, 5), upsampling),
    (2, "pad", (3, 4, 5), padding),
    (2, "deconv", (3, 4, 5), transposed_convolution),
    (3, "pool", (3, 4, 5), max_pooling),
    (3, "pool", (3, 4, 5), average_pooling),
    (3, "pool", (3, 4, 5), adaptive_pooling),
    (1, "pool", (3, 4), power_pooling),
    (2, "flatten", (3, 4, 5), flattening),
    (1, "softmax", (2, 3, 4, 5), softmax),
    (1, "glu", (2, 3, 4, 5), gated_linear),
    (1, "unflatten", (2, 3, 4), unflattening),
    (1, "shuffle", (4,), shuffling),
    (1, "wn", (2, 3, 4), normalised_weight),
]
"""How often, what an author calls it, the ranks it takes, what makes it."""


def layers_for(x: torch.Tensor) -> list[tuple[str, Maker]]:
    """Layers that take such a value, each as often as it should be drawn."""
    return [(stem, made) for often, stem, ranks, made in LAYERS if x.ndim in ranks for _ in range(often)]
