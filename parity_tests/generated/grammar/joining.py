"""Steps with more than one value: residuals, branches, own parameters, shared and tied layers, products."""

from collections.abc import Callable

from parity_tests.generated.grammar.dice import Dice, StepError
from parity_tests.generated.grammar.sketch import Sketch

Step = Callable[[Dice, Sketch, str], None]

SUMS = [
    "{a} + {b}", "{a} * {b}", "{a} - {b}", "torch.cat([{a}, {b}], 1)", "torch.cat([{a}, {b}], -1)",
    "{a} * {b}.sigmoid()", "torch.maximum({a}, {b})", "torch.stack([{a}, {b}], 1)", "{a} / ({b}.abs() + 1)",
    "torch.add({a}, {b}, alpha=0.5)", "torch.lerp({a}, {b}, 0.3)", "torch.minimum({a}, {b})",
    "torch.where({b} > 0, {a}, {b})", "torch.hypot({a}, {b})", "torch.cosine_similarity({a}, {b}, dim=-1)",
    "torch.atan2({a}, {b}.abs() + 0.5)", "{a} @ {b}.mT", "torch.einsum('b...i,b...j->b...ij', {a}, {b})",
    "F.pairwise_distance({a}, {b})", "torch.addcmul({a}, {b}, {b})", "({a} > {b}).float() * {a}", "{a} @ {b}",
    "torch.logaddexp({a}, {b})", "torch.stack([{a}, {b}], -1).sum(-1)",
    "torch.cat(({a}.flatten(1), {b}.flatten(1)), dim=1)", "torch.dstack([{a}, {b}])", "torch.hstack([{a}, {b}])",
]  # fmt: skip


def residual(dice: Dice, sketch: Sketch, x: str, inner: Step) -> None:
    """Steps beside a shortcut, joined with it."""
    shortcut = sketch.fresh("shortcut")
    sketch.say(f"{shortcut} = {x}", shortcut)
    for _ in range(dice.times(3, 60)):
        with sketch.attempt():
            inner(dice, sketch, x)
    join(dice, sketch, x, shortcut)


def branches(dice: Dice, sketch: Sketch, x: str, inner: Step) -> None:
    """Two or three ways from one value, joined."""
    names = [sketch.fresh("branch") for _ in range(dice.pick([2, 2, 3]))]
    for name in names:
        sketch.say(f"{name} = {x}", name)
        for _ in range(dice.times(3, 50)):
            with sketch.attempt():
                inner(dice, sketch, name)
    if len(names) == 3 and len({sketch.values[name].shape for name in names}) == 1:
        said = dice.pick(
            ["{} + {} + {}", "torch.cat([{}, {}, {}], 1)", "torch.stack([{}, {}, {}]).mean(0)", "{} * {} + {}"]
        )
        sketch.say(f"{x} = {said.format(*names)}", x)
    elif len(names) == 3:
        sketch.say(f"{names[0]} = {names[0]}.flatten(1).mean(1, keepdim=True) + {names[1]}.flatten(1)", names[0])
        sketch.say(f"{x} = torch.cat([{names[0]}, {names[2]}.flatten(1)], 1)", x)
    else:
        join(dice, sketch, names[0], names[1])
        sketch.say(f"{x} = {names[0]}", x)


def join(dice: Dice, sketch: Sketch, x: str, other: str) -> None:
    """Join two values, by what their shapes allow."""
    for _ in range(4):
        length = len(sketch.forward)
        with sketch.attempt():
            sketch.say(f"{x} = {dice.pick(SUMS).format(a=x, b=other)}", x)
        if len(sketch.forward) > length:
            return
    sketch.say(f"{x} = torch.cat([{x}.flatten(1), {other}.flatten(1)], 1)", x)


def parameter(dice: Dice, sketch: Sketch, x: str, inner: Step) -> None:
    """An array of the model's own, added, multiplied, or in a product."""
    value = sketch.values[x]
    if value.ndim < 2:
        return
    last, rest = value.shape[-1], list(value.shape[1:])
    name = sketch.fresh(dice.pick(["scale", "shift", "gamma", "pos", "weight"]))
    wide = dice.pick([3, 4, 5])
    forms = [
        (f"{last}", "{x} * self.{n}"), (f"{last}", "{x} + self.{n}"),
        (f"1, {', '.join(map(str, rest))}", "{x} + self.{n}"), (f"{', '.join(map(str, rest))}", "{x} * self.{n}"),
        ("1", "{x} * self.{n}"), (f"{last}, {wide}", "{x} @ self.{n}"),
        (f"{wide}, {last}", "F.linear({x}, self.{n})"),
        (f"{last}, {wide}", "torch.einsum('...i,ij->...j', {x}, self.{n})"),
        (f"1, {rest[0]}, {', '.join(['1'] * (len(rest) - 1)) or 1}", "{x} * self.{n}"),
        (f"{rest[0]}{', 1' * (len(rest) - 1)}", "{x} * self.{n}"),
        (f"{rest[0]}", "{x} * self.{n}.view(-1, *[1] * ({x}.ndim - 2))"), (f"{last}", "{x} * self.{n}[None, :]"),
        (f"{last}", "F.layer_norm({x}, ({x}.shape[-1],), self.{n})"),
        (f"1, 1, {last}", "torch.cat([self.{n}.expand({x}.shape[0], -1, -1), {x}], 1)"),
        (f"{wide}, {last}", "{x} @ self.{n}.t()"), (f"{last}, {last}", "torch.matmul({x}, self.{n}.softmax(-1))"),
        (f"{last}", "{x} * torch.exp(self.{n})"), (f"{last}", "F.softplus(self.{n}) + {x}"),
        (f"{last}", "{x} * F.normalize(self.{n}, dim=0)"),
        (f"{wide}, {last}, 2", "F.conv1d({x}.flatten(2).transpose(1, 2), self.{n})"),
    ]  # fmt: skip
    shape, form = dice.pick(forms)
    if dice.chance(25):
        sketch.own(f"self.register_buffer('{name}', torch.rand({shape}))")
    else:
        sketch.own(f"self.{name} = nn.Parameter({dice.pick(['torch.ones', 'torch.randn', 'torch.zeros'])}({shape}))")
    sketch.say(f"{x} = {form.format(x=x, n=name)}", x)


def shared(dice: Dice, sketch: Sketch, x: str, inner: Step) -> None:
    """One layer called twice, on one value or on several."""
    width = sketch.values[x].shape[-1]
    name = sketch.layer("shared", f"nn.Linear({width}, {width})")
    if dice.chance(50):
        sketch.say(f"{x} = self.{name}(torch.relu(self.{name}({x})))", x)
    else:
        sketch.say(
            f"{x} = self.{name}({x}) + self.{name}({dice.pick(['-{}', '{}.flip(-1)', '{} * 0.5']).format(x)})", x
        )


def tied(dice: Dice, sketch: Sketch, x: str, inner: Step) -> None:
    """Two layers with one weight."""
    width, wide = sketch.values[x].shape[-1], dice.pick([4, 5])
    kind = dice.pick(["same", "transposed"])
    if kind == "same":
        first, second = (sketch.layer("tied", f"nn.Linear({width}, {width}, bias={way})") for way in (False, True))
        sketch.own(f"self.{second}.weight = self.{first}.weight")
        sketch.say(f"{x} = self.{second}(torch.tanh(self.{first}({x})))", x)
    else:
        first = sketch.layer("encode", f"nn.Linear({width}, {wide})")
        sketch.say(f"{x} = F.linear(torch.relu(self.{first}({x})), self.{first}.weight.t())", x)


def stacked(dice: Dice, sketch: Sketch, x: str, inner: Step) -> None:
    """Layers in a list, called in a loop."""
    value = sketch.values[x]
    count, width = dice.pick([2, 3]), value.shape[-1]
    kind = dice.pick(["linear", "linear", "conv", *(["norm"] if width >= 4 else [])])
    if kind == "conv" and value.ndim > 2:
        rank, channels = value.ndim - 2, value.shape[1]
        made = f"nn.Conv{rank}d({channels}, {channels}, 3, padding=1)"
    else:
        made = f"nn.Linear({width}, {width})" if kind != "norm" else f"nn.LayerNorm({width})"
    name = sketch.layer("layers", f"nn.ModuleList([{made} for _ in range({count})])")
    ways = ["F.relu(layer({x}))", "{x} + layer({x})", "torch.tanh(layer({x})) + {x} / 2", "layer({x})"]
    way = f"{x} = {dice.pick(ways).format(x=x)}"
    if dice.chance(30):
        halved = f"            if step < {count - 1}:\n                {x} = {x} * 0.5"
        sketch.say(f"for step, layer in enumerate(self.{name}):\n            {way}\n{halved}", x)
    else:
        sketch.say(f"for layer in self.{name}:\n            {way}", x)


def remembered(dice: Dice, sketch: Sketch, x: str, inner: Step) -> None:
    """Join a value that stands further up: an input or a shortcut."""
    samples = sketch.values[x].shape[0]
    tensors = {name: value for name, value in sketch.values.items() if hasattr(value, "is_floating_point")}
    floats = [name for name, value in tensors.items() if value.is_floating_point() and value.ndim]
    others = [name for name in floats if name != x and tensors[name].shape[0] == samples]
    if not others:
        raise StepError("nothing else is at hand")
    join(dice, sketch, x, dice.pick(others))


def product(dice: Dice, sketch: Sketch, x: str, inner: Step) -> None:
    """A bilinear layer, or a product with itself."""
    width = sketch.values[x].shape[-1]
    if dice.chance(50):
        name = sketch.layer("bilinear", f"nn.Bilinear({width}, {width}, {dice.pick([3, 4])})")
        sketch.say(f"{x} = self.{name}({x}, {x}.tanh())", x)
        return
    said = [
        "torch.bmm({x}, {x}.transpose(1, 2))", "torch.einsum('bij,bkj->bik', {x}, {x})",
        "torch.einsum('bij,bij->bi', {x}, {x})",
        "torch.baddbmm({x}, {x}, torch.eye({x}.shape[-1]).expand({x}.shape[0], -1, -1))",
        "({x}.unsqueeze(2) * {x}.unsqueeze(1)).sum(-1)", "torch.einsum('bn,bm->bnm', {x}, {x})",
        "torch.einsum('bchw->bhwc', {x})", "torch.einsum('bchw,bcij->bhwij', {x}[..., :2], {x}[..., :1])",
    ]  # fmt: skip
    sketch.say(f"{x} = {dice.pick(said).format(x=x)}", x)


JOINS = [
    residual,
    residual,
    residual,
    branches,
    branches,
    parameter,
    parameter,
    shared,
    tied,
    stacked,
    remembered,
    remembered,
    product,
]
