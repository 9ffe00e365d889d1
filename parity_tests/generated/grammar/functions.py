"""Functions that give each sample a value from one: pointwise, reductions, rearrangements, in place."""

from collections.abc import Callable

import torch

from parity_tests.generated.grammar.dice import Dice

Said = str | Callable[[Dice, torch.Tensor], str]

SMOOTH: list[Said] = [
    "F.relu({x})", "torch.tanh({x})", "torch.sigmoid({x})", "F.gelu({x})", "F.silu({x})", "{x} * 2", "{x} + 0.5",
    "1 - {x}", "-{x}", "{x} / 3", "{x} ** 2", "{x}.abs()", "torch.exp({x}.clamp(max=2))", "torch.log({x}.abs() + 1)",
    "torch.sqrt({x}.abs() + 0.1)", "{x}.square()", "torch.sin({x})", "torch.cos({x})", "{x}.sigmoid() * {x}",
    "F.softplus({x})", "F.elu({x})", "F.leaky_relu({x}, 0.2)", "F.hardtanh({x})", "F.hardswish({x})", "F.mish({x})",
    "F.logsigmoid({x})", "F.softsign({x})", "F.tanhshrink({x})", "F.selu({x})", "F.celu({x}, alpha=1.3)",
    "F.gelu({x}, approximate='tanh')", "F.hardsigmoid({x})", "F.relu6({x})", "torch.erf({x})",
    "torch.expm1({x}.clamp(max=1))", "torch.log1p({x}.abs())", "torch.rsqrt({x}.square() + 0.5)",
    "torch.reciprocal({x}.abs() + 1)", "torch.atan({x})", "torch.asinh({x})", "torch.acosh({x}.abs() + 1.5)",
    "torch.atanh(0.9 * torch.tanh({x}))", "torch.acos(0.9 * {x}.tanh())", "torch.asin(0.9 * {x}.tanh())",
    "torch.sinh({x}.clamp(-2, 2))", "torch.cosh({x}.clamp(-2, 2))", "torch.tan(0.5 * {x}.tanh())",
    "torch.erfinv(0.9 * {x}.tanh())", "torch.exp2({x}.clamp(max=2))", "torch.log2({x}.abs() + 1)",
    "torch.log10({x}.abs() + 1)", "torch.sinc({x})", "torch.deg2rad({x})", "torch.logit({x}.sigmoid(), eps=0.1)",
    "{x}.clamp(-0.5, 1)", "{x}.clamp(min=0)", "torch.clip({x}, -1, 1)", "torch.pow({x}.abs() + 0.1, 1.5)",
    "2 ** {x}.clamp(max=2)", "1 / (1 + {x}.abs())", "torch.nan_to_num({x})", "torch.where({x} > 0, {x}, 0.1 * {x})",
    "{x}.masked_fill({x} < 0, 0.2)", "torch.lerp({x}, {x}.tanh(), 0.3)",
    "torch.addcmul({x}, {x}.tanh(), {x}.sigmoid(), value=0.5)", "torch.addcdiv({x}, {x}.tanh(), {x}.abs() + 1)",
    "torch.hypot({x}, {x}.cos())", "torch.logaddexp({x}, -{x})", "torch.maximum({x}, 0.3 * {x})",
    "torch.minimum({x}, {x}.cos())", "torch.atan2({x}, {x}.abs() + 0.5)",
    "torch.special.xlogy({x}, {x}.abs() + 0.5)", "F.threshold({x}, 0.1, 0.2)", "F.hardshrink({x}, 0.2)",
    "F.softshrink({x}, 0.2)", "{x}.float()", "{x}.clone()", "{x}.contiguous()", "torch.add({x}, {x}, alpha=0.5)",
    "torch.sub({x}, {x}.cos(), alpha=2)", "torch.rsub({x}, 1.0)", "{x}.neg()", "torch.positive({x})",
    "F.normalize({x}, dim=-1)", "{x} * {x}.sigmoid()", "torch.special.expit({x})", "torch.mul({x}, {x})",
    "{x}.div(2)", "torch.true_divide({x}, 1.5)", "F.rrelu({x})", "{x} / math.sqrt({x}.shape[-1])",
    "{x} * {x}.new_ones(1)", "{x} + torch.ones_like({x})", "{x} * torch.full_like({x}, 0.5)",
    "F.dropout({x}, 0.2, self.training)", "{x} + torch.arange({x}.shape[-1])",
    "{x} * torch.linspace(0.5, 1, {x}.shape[-1])", "{x} - {x}.detach().mean(-1, keepdim=True)",
    "F.feature_dropout({x}, 0.2, self.training)", "F.alpha_dropout({x}, 0.2, self.training)",
    "torch.cosine_similarity({x}, {x}.cos(), dim=-1).unsqueeze(-1) * {x}",
]  # fmt: skip

STEPPED: list[Said] = [
    "{x} * ({x} > 0)", "torch.sign({x}) * {x}.tanh()", "torch.round({x}) * {x}", "torch.floor({x}) + {x}",
    "torch.frac({x})", "torch.ceil({x}) * 0.5 + {x}", "torch.trunc({x}) + {x}", "torch.fmod({x}, 1.5)",
    "torch.remainder({x}, 1.5)", "{x} % 2.5", "torch.div({x}, 0.7, rounding_mode='floor') + {x}",
    "torch.div({x}, 0.7, rounding_mode='trunc') + {x}", "{x} // 0.8 + {x}",
    "torch.heaviside({x}, torch.tensor(0.5)) * {x}", "({x} > 0).float()", "(({x} > -0.5) & ({x} < 1)).float() * {x}",
    "(({x} < -0.5) | ({x} > 1)).float() + {x}", "torch.logical_not({x} > 0).float() * {x}", "{x} * ~({x} > 0.5)",
    "{x}.sgn() + {x}", "torch.signbit({x}).float() + {x}", "torch.round({x}, decimals=1)",
    "{x} * torch.isfinite({x})", "torch.where(torch.isnan({x}), 0.0, {x})", "({x} == 0).float() + {x}",
    "{x} * {x}.ge(0.1)", "{x}.gt(0).type_as({x}) + {x}", "{x} * ({x} != 0)",
    "torch.logical_xor({x} > 0, {x} > 0.5).float() + {x}", "{x} * torch.eq({x}.sign(), 1)",
]  # fmt: skip


def _dim(text: str, keepdim: bool = True) -> Said:
    """A reduction of one axis, sometimes kept."""

    def said(dice: Dice, x: torch.Tensor) -> str:
        kept = ", keepdim=True" if keepdim and dice.chance(40) else ""
        return text.replace("{dim}", str(dice.axis(x.ndim))).replace("{kept}", kept)

    return said


def _dims(text: str) -> Said:
    """A reduction of one axis or several."""

    def said(dice: Dice, x: torch.Tensor) -> str:
        axes = dice.axes(x.ndim)
        kept = ", keepdim=True" if dice.chance(40) else ""
        return text.replace("{dim}", str(axes[0] if len(axes) == 1 else axes)).replace("{kept}", kept)

    return said


REDUCTIONS: list[Said] = [
    _dims("{x}.mean({dim}{kept})"), _dims("{x}.sum({dim}{kept})"), _dims("torch.amax({x}, {dim}{kept})"),
    _dims("{x}.amin({dim}{kept})"), _dims("{x}.std({dim}{kept})"),
    _dims("torch.var({x}, {dim}, unbiased=False{kept})"), _dims("torch.var({x}, dim={dim}, correction=0{kept})"),
    _dims("torch.logsumexp({x}, {dim}{kept})"), _dims("torch.linalg.vector_norm({x}, dim={dim}{kept})"),
    _dims("torch.norm({x}, dim={dim}{kept})"), _dim("{x}.max({dim}{kept}).values"), _dim("{x}.min({dim}{kept})[0]"),
    _dim("torch.max({x}, {dim}{kept})[0]"), _dim("torch.prod({x}.tanh(), {dim}{kept})"),
    _dim("{x}.norm(p=1, dim={dim}{kept})"), _dim("torch.norm({x}, p=float('inf'), dim={dim}{kept})"),
    _dim("{x}.argmax({dim}{kept}).float()"), _dim("torch.argmin({x}, dim={dim}{kept}).float()"),
    _dim("({x} > 0).any({dim}{kept}).float()"), _dim("({x} > -1).all({dim}{kept}).float()"),
    _dim("torch.count_nonzero({x}, {dim}).float()", False), _dim("torch.std_mean({x}, {dim}{kept})[0]"),
    _dim("torch.var_mean({x}, {dim}{kept})[1]"), _dim("({x} > 0).sum({dim}{kept})  / 2"),
    _dim("{x}.select({dim}, 0)", False), _dim("{x}.select({dim}, -1)", False), _dim("{x}.unbind({dim})[-1]", False),
    _dim("{x}.topk(2, dim={dim}).values", False), _dim("{x}.narrow({dim}, 0, 2)", False),
    _dim("torch.diff({x}, dim={dim})", False), _dim("{x}.chunk(2, {dim})[0]", False),
    _dim("torch.split({x}, 2, {dim})[-1]", False), _dim("torch.tensor_split({x}, 2, {dim})[1]", False),
    _dim("{x}.index_select({dim}, torch.tensor([1, 0]))", False),
    _dim("torch.pairwise_distance({x}, {x}.cos())", False), _dim("{x}.topk(2, dim={dim}, largest=False)[0]", False),
]  # fmt: skip


def _softmax(dice: Dice, x: torch.Tensor) -> str:
    kind = dice.pick(
        ["F.softmax({x}, dim=%d)", "{x}.softmax(%d)", "F.log_softmax({x}, dim=%d)", "F.softmin({x}, dim=%d)"]
    )
    return kind % dice.axis(x.ndim)


SAME_SHAPE: list[Said] = [
    _softmax, _softmax, _dim("torch.cumsum({x}, {dim})", False), _dim("{x}.flip({dim})", False),
    _dim("torch.roll({x}, 1, {dim})", False), _dim("torch.cumprod({x}.tanh(), {dim})", False),
    _dim("torch.sort({x}, {dim}).values", False), _dim("{x}.sort(dim={dim}, descending=True)[0]", False),
    _dim("torch.argsort({x}, {dim}).float()", False), _dim("F.normalize({x}, p=1, dim={dim})", False),
    _dim("F.normalize({x}, dim={dim})", False), _dim("{x} - {x}.mean({dim}, keepdim=True)", False),
    _dim("{x} / ({x}.norm(dim={dim}, keepdim=True) + 1)", False),
    _dim("torch.gather({x}, {dim}, {x}.argsort({dim}))", False),
    _dim("{x}.take_along_dim({x}.argsort({dim}), dim={dim})", False),
    _dim("({x} - {x}.mean({dim}, keepdim=True)) / ({x}.std({dim}, keepdim=True) + 1e-3)", False),
    _dim("{x} * {x}.mean({dim}, keepdim=True).sigmoid()", False), _dim("{x}.roll(-2, dims={dim})", False),
    _dim("F.glu(torch.cat([{x}, {x}.cos()], {dim}), {dim})", False),
    _dim("torch.cat([t.tanh() for t in {x}.split(1, {dim})], {dim})", False),
    _dim("torch.stack({x}.unbind({dim}), {dim})", False), _dim("torch.cat({x}.chunk(2, {dim})[::-1], {dim})", False),
    _dim("torch.logcumsumexp({x}, {dim})", False), _dim("F.one_hot({x}.argmax({dim}), 12).float()", False),
    "F.layer_norm({x}, {x}.shape[-1:])", "F.rms_norm({x}, {x}.shape[-1:])", "{x}.tril()", "torch.triu({x}, 1)",
    "F.layer_norm({x}, {x}.shape[1:])",
]  # fmt: skip


def _permute(dice: Dice, x: torch.Tensor) -> str:
    left, order = list(range(1, x.ndim)), [0]
    while left:
        order.append(left.pop(dice.number(0, len(left) - 1)))
    return f"{{x}}.permute({', '.join(map(str, order))})"


def _transpose(dice: Dice, x: torch.Tensor) -> str:
    name = dice.pick(["transpose", "transpose", "swapaxes", "movedim", "swapdims"])
    return f"{{x}}.{name}({dice.axis(x.ndim)}, {dice.axis(x.ndim)})"


def _reshape(dice: Dice, x: torch.Tensor) -> str:
    count, sizes = x[0].numel(), []
    for _ in range(dice.number(0, 2)):
        sizes.append(dice.pick([size for size in range(1, 9) if count % size == 0]))
        count //= sizes[-1]
    sizes.insert(dice.number(0, len(sizes)), -1 if dice.chance(60) else count)
    name = dice.pick(["reshape", "view"])
    samples = "-1" if -1 not in sizes and dice.chance(50) else dice.pick(["{x}.shape[0]", "{x}.size(0)", "len({x})"])
    return f"{{x}}{'.contiguous()' if name == 'view' else ''}.{name}({', '.join([samples, *map(str, sizes)])})"


def _flatten(dice: Dice, x: torch.Tensor) -> str:
    first = dice.number(1, x.ndim - 1)
    return f"{{x}}.flatten({first}{dice.pick(['', f', {dice.number(first, x.ndim - 1)}'])})"


def _unflatten(dice: Dice, x: torch.Tensor) -> str:
    return f"{{x}}.unflatten({dice.axis(x.ndim)}, ({dice.pick(['2, -1', '-1, 2', '3, -1', '1, -1'])}))"


def _pad(dice: Dice, x: torch.Tensor) -> str:
    axes = dice.number(1, min(x.ndim - 1, 3))
    pads = tuple(dice.number(0, 2) for _ in range(2 * axes))
    mode = dice.pick(["", ", value=0.3", ", mode='replicate'", ", mode='reflect'", ", mode='circular'"])
    return f"F.pad({{x}}, {pads}{mode})"


def _slice(dice: Dice, x: torch.Tensor) -> str:
    texts = [":", "1:", ":-1", "::2", "0", "-1", "1:3", "None", "1::2", "-2:", "[0, 1]", "[1, 0, 1]"]
    parts = [":", *(dice.pick(texts) for _ in range(dice.number(1, x.ndim - 1)))]
    if len(parts) < x.ndim and dice.chance(30):
        parts.insert(1, "...")
    return f"{{x}}[{', '.join(parts)}]"


def _repeat(dice: Dice, x: torch.Tensor) -> str:
    counts = ", ".join(["1", *(str(dice.number(1, 2)) for _ in range(x.ndim - 1))])
    each = f"{{x}}.repeat_interleave(2, dim={dice.axis(x.ndim)})"
    return dice.pick([f"{{x}}.repeat({counts})", f"torch.tile({{x}}, ({counts}))", each])


def _interpolate(dice: Dice, x: torch.Tensor) -> str:
    if x.ndim not in {3, 4, 5}:
        return "{x} * 1.5"
    linear = {3: "linear", 4: "bilinear", 5: "trilinear"}[x.ndim]
    mode = dice.pick(["nearest", linear, "nearest-exact"])
    corners = dice.settings(align_corners=[True, False]) if mode == linear else ""
    return (
        f"F.interpolate({{x}}, {dice.pick(['scale_factor=2', 'size=6', 'scale_factor=0.5'])}, mode={mode!r}{corners})"
    )


def _pool(dice: Dice, x: torch.Tensor) -> str:
    if x.ndim not in {3, 4, 5}:
        return "{x}.tanh()"
    rank = x.ndim - 2
    options = [
        f"F.max_pool{rank}d({{x}}, 2)", f"F.avg_pool{rank}d({{x}}, 2)", f"F.adaptive_avg_pool{rank}d({{x}}, 1)",
        f"F.adaptive_max_pool{rank}d({{x}}, 2)", f"F.max_pool{rank}d({{x}}, 3, 2, 1)",
        f"F.avg_pool{rank}d({{x}}, 3, 1, 1, count_include_pad=False)", f"F.max_pool{rank}d({{x}}, 2, ceil_mode=True)",
        f"F.max_pool{rank}d({{x}}, 3, 1)",
    ]  # fmt: skip
    return dice.pick(options)


def _squares(dice: Dice, x: torch.Tensor) -> str:
    if x.ndim != 4:
        return "{x} - 0.1"
    unfolded = ["F.unfold({x}, 2)", "F.unfold({x}, 3, padding=1, stride=2)"]
    return dice.pick(["F.pixel_shuffle({x}, 2)", "F.pixel_unshuffle({x}, 2)", *unfolded, "F.channel_shuffle({x}, 2)"])


def _expand(dice: Dice, x: torch.Tensor) -> str:
    at = dice.number(1, x.ndim)
    sizes = ["-1"] * x.ndim
    sizes.insert(at, "2")
    return f"{{x}}.unsqueeze({at}).expand({', '.join(sizes)})"


RESHAPES: list[Said] = [
    _permute, _permute, _transpose, _transpose, _reshape, _reshape, _flatten, _unflatten, _pad, _pad, _slice, _slice,
    _slice, _repeat, _interpolate, _pool, _squares, _dim("{x}.unsqueeze({dim})", False),
    _dim("{x}.squeeze({dim})", False), "{x}.mT", _dim("torch.cat([{x}, {x}.tanh()], dim={dim})", False),
    _dim("torch.stack([{x}, {x}.cos()], dim={dim})", False), _dim("{x}.unfold({dim}, 2, 1)", False), _expand,
    "torch.diagonal({x}, dim1=-2, dim2=-1)", "{x}.unsqueeze(-1)", "{x}[:, None]", "{x}.squeeze()",
    "{x}.unsqueeze(1)", "{x}.adjoint()", "{x} @ {x}.mT", "torch.matmul({x}.mT, {x})", "{x}[..., 0]", "{x}[..., ::2]",
    "{x}.flatten(1)", "{x}.flatten(-2)",
]  # fmt: skip

IN_PLACE: list[Said] = [
    "F.relu({x}, inplace=True)", "{x}.add_(1)", "{x}.mul_(0.5)", "{x}.clamp_(-1, 1)", "{x}.tanh_()", "{x}.sub_(0.1)",
    "torch.relu_({x})", "{x}.masked_fill_({x} < 0, 0.1)", "F.leaky_relu_({x}, 0.1)", "{x}.div_(2)",
    "F.silu({x}, inplace=True)", "F.elu_({x})", "{x}.neg_()",
]  # fmt: skip

IN_PLACE_LINES: list[Said] = [
    "{x} += 1", "{x} *= 0.5", "{x}[:, 0] = 0", "{x}[:, -1] *= 2", "{x}[..., 0] += 1",
    "{x} -= {x}.mean(-1, keepdim=True)", "{x}[:, 1:] = {x}[:, 1:] * 2", "{x}[{x} > 1] = 1",
    "{x}[..., ::2] = {x}[..., ::2].tanh()", "{x} /= 2", "{x}[:, :1].mul_(3)", "{x}[:, [0, 1]] = 0.5",
]  # fmt: skip


def said(dice: Dice, x: torch.Tensor, texts: list[Said]) -> str:
    """One of them, with `{x}` for the value."""
    text = dice.pick(texts)
    return text if isinstance(text, str) else text(dice, x)
