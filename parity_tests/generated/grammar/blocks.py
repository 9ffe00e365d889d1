"""Blocks: classes of their own, made once or several times with other settings, as authors make them."""

from parity_tests.generated.grammar.dice import Dice, StepError
from parity_tests.generated.grammar.joining import Step
from parity_tests.generated.grammar.sketch import Sketch

INDENT = "        "


def _class(name: str, arguments: str, init: list[str], forward: list[str]) -> str:
    lines = [f"class {name}(nn.Module):", f"    def __init__(self, {arguments}):", f"{INDENT}super().__init__()"]
    lines += [f"{INDENT}{line}" for line in init] + ["", "    def forward(self, x):"]
    return "\n".join([*lines, *(f"{INDENT}{line}" for line in forward)])


def _convolutional(dice: Dice, rank: int) -> tuple[str, str]:
    """conv, norm, activation; a second one and a shortcut by chance."""
    norm = dice.pick(
        [
            f"nn.BatchNorm{rank}d(outputs)",
            "nn.GroupNorm(1, outputs)",
            f"nn.InstanceNorm{rank}d(outputs, affine=True)",
            "nn.Identity()",
        ]
    )
    size, act = (
        dice.pick([3, 1, 5]),
        dice.pick(["nn.ReLU(inplace=True)", "nn.SiLU()", "nn.GELU()", "nn.LeakyReLU(0.1)"]),
    )
    bias = ", bias=False" if dice.chance(50) else ""
    init = [
        f"self.conv1 = nn.Conv{rank}d(inputs, outputs, {size}, stride, {size // 2}{bias})",
        f"self.norm1 = {norm}",
        f"self.act = {act}",
    ]
    forward = ["y = self.act(self.norm1(self.conv1(x)))"]
    if dice.chance(50):
        init += [f"self.conv2 = nn.Conv{rank}d(outputs, outputs, 3, padding=1)", f"self.norm2 = {norm}"]
        forward += ["y = self.norm2(self.conv2(y))"]
    if dice.chance(40):
        init += [
            "self.gate = nn.Sequential(",
            f"    nn.AdaptiveAvgPool{rank}d(1), nn.Conv{rank}d(outputs, 2, 1), nn.ReLU(),",
            f"    nn.Conv{rank}d(2, outputs, 1), nn.Sigmoid(),",
            ")",
        ]
        forward += ["y = y * self.gate(y)"]
    if dice.chance(60):
        init += [
            "self.shortcut = None",
            "if stride != 1 or inputs != outputs:",
            f"    self.shortcut = nn.Conv{rank}d(inputs, outputs, 1, stride)",
        ]
        forward += ["y = y + (x if self.shortcut is None else self.shortcut(x))"]
    return _class("Block", "inputs, outputs, stride=1", init, [*forward, "return y"]), "conv"


def _feed_forward(dice: Dice) -> tuple[str, str]:
    act = dice.pick(["F.gelu", "F.relu", "F.silu", "torch.tanh"])
    init = ["self.fc1 = nn.Linear(width, hidden)", "self.fc2 = nn.Linear(hidden, width)"]
    forward = [f"y = self.fc2({act}(self.fc1(x)))"]
    if dice.chance(60):
        init.insert(0, dice.pick(["self.norm = nn.LayerNorm(width)", "self.norm = nn.RMSNorm(width)"]))
        forward = [f"y = self.fc2({act}(self.fc1(self.norm(x))))"]
    if dice.chance(40):
        init += ["self.dropout = nn.Dropout(dropout)"]
        forward += ["y = self.dropout(y)"]
    if dice.chance(40):
        init += ["self.scale = nn.Parameter(torch.full((width,), 0.1))"]
        forward += ["y = y * self.scale"]
    if dice.chance(40):
        init += ["self.gate = nn.Linear(width, width) if gated else None"]
        forward += ["if self.gate is not None:", "    y = y * torch.sigmoid(self.gate(x))"]
    return _class("Block", "width, hidden, dropout=0.1, gated=False", init, [*forward, "return x + y"]), "mlp"


def _transformer(dice: Dice) -> tuple[str, str]:
    act = dice.pick(["nn.GELU()", "nn.ReLU()", "nn.SiLU()"])
    init = [
        "self.norm1 = nn.LayerNorm(width)",
        "self.attn = nn.MultiheadAttention(width, heads, batch_first=True)",
        "self.norm2 = nn.LayerNorm(width)",
        f"self.mlp = nn.Sequential(nn.Linear(width, 2 * width), {act}, nn.Linear(2 * width, width))",
    ]
    if dice.chance(60):
        forward = [
            "y = self.norm1(x)",
            "x = x + self.attn(y, y, y, need_weights=False)[0]",
            "return x + self.mlp(self.norm2(x))",
        ]
    else:
        forward = ["x = self.norm1(x + self.attn(x, x, x)[0])", "return self.norm2(x + self.mlp(x))"]
    return _class("Block", "width, heads=1", init, forward), "transformer"


def _functional(dice: Dice) -> tuple[str, str]:
    """A layer of the author's own, which calls a function of torch with its arrays."""
    init = ["self.weight = nn.Parameter(torch.randn(hidden, width))"]
    forward = ["return F.linear(x, self.weight)"]
    if dice.chance(60):
        init += ["self.bias = nn.Parameter(torch.zeros(hidden))"]
        forward = ["return F.linear(x, self.weight, self.bias)"]
    if dice.chance(40):
        init = ["self.gain = nn.Parameter(torch.ones(width))", "self.shift = nn.Parameter(torch.zeros(width))"]
        forward = [f"return F.layer_norm(x, (x.shape[-1],), self.gain, self.shift{dice.pick(['', ', 1e-3'])})"]
    return _class("Block", "width, hidden", init, forward), "functional"


def block(dice: Dice, sketch: Sketch, x: str, inner: Step) -> None:
    """A class of its own, called once or several times, with other settings."""
    if "Block" in sketch.space:
        _repeat(dice, sketch, x)
        return
    value = sketch.values[x]
    if value.ndim < 2:
        raise StepError("no features")
    wide = value.shape[-1] >= 4
    kinds = (["mlp"] if wide else []) + (["conv", "conv", "own"] if value.ndim > 2 else [])
    kinds += ["functional"] if wide else []
    kinds += ["transformer"] * 3 if value.ndim == 3 and wide else []
    kind = dice.pick(kinds)
    if kind == "own":
        _drawn(dice, sketch, x, inner)
        return
    text, kind = {
        "conv": lambda: _convolutional(dice, value.ndim - 2),
        "mlp": lambda: _feed_forward(dice),
        "functional": lambda: _functional(dice),
    }.get(kind, lambda: _transformer(dice))()
    exec(text, sketch.space)  # noqa: S102 - the grammar's own class
    sketch.space["_kind"] = kind, value.ndim
    sketch.classes.append(text)
    _repeat(dice, sketch, x)


def _repeat(dice: Dice, sketch: Sketch, x: str) -> None:
    kind, rank = sketch.space["_kind"]
    if (sketch.values[x].ndim != rank and kind not in {"mlp", "functional"}) or (
        sketch.values[x].shape[-1] < 4 and kind != "conv"
    ):
        raise StepError("another rank")
    count, texts = dice.pick([1, 2, 3]), []
    channels, width = sketch.values[x].shape[1], sketch.values[x].shape[-1]
    for _ in range(count):
        if kind == "conv":
            outputs = dice.pick([channels, 4, 6])
            texts.append(f"Block({channels}, {outputs}{dice.settings(stride=[2])})")
            channels = outputs
        elif kind == "mlp":
            texts.append(f"Block({width}, {dice.pick([6, 8, 4])}{dice.settings(dropout=[0.0, 0.3], gated=[True])})")
        elif kind == "functional":
            outputs = dice.pick([width, 4, 6])
            texts.append(f"Block({width}, {outputs})")
            width = outputs if "F.linear" in sketch.classes[-1] else width
        elif kind == "transformer":
            texts.append(f"Block({width}{dice.settings(heads=[2]) if width % 2 == 0 else ''})")
        else:
            texts.append("Block()")
    if count == 1 or dice.chance(40):
        for text in texts:
            sketch.say(f"{x} = self.{sketch.layer('block', text)}({x})", x)
    elif dice.chance(50):
        name = sketch.layer("stage", f"nn.Sequential({', '.join(texts)})")
        sketch.say(f"{x} = self.{name}({x})", x)
    else:
        name = sketch.layer("blocks", f"nn.ModuleList([{', '.join(texts)}])")
        sketch.say(f"for block in self.{name}:\n            {x} = block({x})", x)


def _drawn(dice: Dice, sketch: Sketch, x: str, inner: Step) -> None:
    """A class whose steps are drawn; where it leaves the shape as it was it may be called again."""
    within = Sketch("Block", {"x": sketch.values[x]}, dict(sketch.space) | {"Block": None})
    for _ in range(dice.times(4)):
        with within.attempt():
            inner(dice, within, "x")
    if not within.forward:
        raise StepError("nothing is drawn")
    text = within.source("x")
    exec(text, sketch.space)  # noqa: S102 - the grammar's own class
    sketch.classes.append(text)
    same = within.values["x"].shape == sketch.values[x].shape
    for _ in range(dice.pick([1, 2, 3]) if same else 1):
        sketch.say(f"{x} = self.{sketch.layer('block', 'Block()')}({x})", x)
    sketch.space["_kind"] = "own", None
