"""Draw a model: its inputs, its steps, its outputs, as torch source that a person could have written."""

import re
from dataclasses import dataclass
from typing import Any

import torch
from hypothesis import HealthCheck, Phase, given, reject, seed, settings, strategies

from parity_tests.generated.grammar import functions
from parity_tests.generated.grammar.blocks import block
from parity_tests.generated.grammar.dice import Dice, StepError
from parity_tests.generated.grammar.joining import JOINS, join
from parity_tests.generated.grammar.layers import layers_for
from parity_tests.generated.grammar.sequences import sequence_step
from parity_tests.generated.grammar.sketch import HEADER, SAMPLES, Sketch, new_space
from parity_tests.generated.loading import check

WORDS = 11
"""How many tokens there are."""


@dataclass(frozen=True, slots=True)
class Drawn:
    """A drawn model.

    Attributes
    ----------
    source : str
        The text of a module that defines it.
    name : str
        Its class, which is built without arguments.
    inputs : tuple of str
        Torch's axes of each input without the samples, as `porting.write` takes them: ``"3,8,8"``, ``"7:int11"``.
    """

    source: str
    name: str
    inputs: tuple[str, ...]


def drawn_model(number: int) -> Drawn:
    """The model of this seed, the same on every machine with the same versions."""
    held: list[Drawn] = []

    @quietly(3)
    @seed(number)
    @given(models())
    def keep(model: Drawn) -> None:
        held.append(model)

    keep()
    return held[-1]


def quietly(most: int, *phases: Phase) -> settings:
    """Hypothesis' settings for drawing: nothing kept between runs, no clock."""
    return settings(
        max_examples=most,
        database=None,
        deadline=None,
        suppress_health_check=list(HealthCheck),
        phases=[Phase.generate, *phases],
    )


@strategies.composite
def models(draw: Any) -> Drawn:
    """A strategy of models."""
    dice = Dice(draw)
    inputs, shown = _inputs(dice)
    sketch = Sketch("Net", inputs, new_space())
    try:
        _embed(dice, sketch)
    except StepError:
        reject()
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        for _ in range(dice.times(9, 85)):
            with sketch.attempt():
                step(dice, sketch, "x")
        for name in list(inputs)[1:]:
            with sketch.attempt():
                _use(dice, sketch, name)
    if not sketch.init or len(sketch.forward) < 1:
        reject()
    drawn = Drawn(f"{HEADER}\n\n{sketch.source(_returned(dice, sketch))}\n", "Net", tuple(shown))
    if not check(drawn):
        reject()
    return drawn


def _use(dice: Dice, sketch: Sketch, name: str) -> None:
    """Join an input that nothing has read; what is left is an output of its own."""
    if not any(name in _read(line) for line in sketch.forward[1:]) and dice.chance(75):
        join(dice, sketch, "x", name)


def step(dice: Dice, sketch: Sketch, x: str, depth: int = 0) -> None:
    """One step of a value: a layer mostly."""
    kinds = ["layer"] * 8 + ["function"] * 6 + (["sequence"] * 6 if sketch.values[x].ndim == 3 else [])
    if depth < 2:
        kinds += ["join"] * 5 + (["block"] * 4 if depth == 0 else [])
    kind = dice.pick(kinds)
    if kind == "layer":
        stem, made = dice.pick(layers_for(sketch.values[x]))
        sketch.say(f"{x} = self.{sketch.layer(stem, made(dice, sketch.values[x]))}({x})", x)
    elif kind == "function":
        _function(dice, sketch, x)
    elif kind == "sequence":
        sequence_step(dice, sketch, x)
    else:
        inner = _within(depth + 1)
        (block if kind == "block" else dice.pick(JOINS))(dice, sketch, x, inner)


def _within(depth: int) -> Any:
    return lambda dice, sketch, x: step(dice, sketch, x, depth)


def _function(dice: Dice, sketch: Sketch, x: str) -> None:
    kinds = [
        *[functions.SMOOTH] * 3, *[functions.RESHAPES] * 4, functions.SAME_SHAPE, functions.REDUCTIONS,
        functions.STEPPED, functions.IN_PLACE, functions.IN_PLACE_LINES,
    ]  # fmt: skip
    texts = dice.pick(kinds)
    said = functions.said(dice, sketch.values[x], texts).replace("{x}", x)
    sketch.say(said if texts is functions.IN_PLACE_LINES else f"{x} = {said}", x)


def _inputs(dice: Dice) -> tuple[dict[str, torch.Tensor], list[str]]:
    """Inputs by name, and as `porting.write` takes them."""
    generator = torch.Generator().manual_seed(0)
    made, shown = {}, []
    for name in ("x", "y", "z")[: dice.pick([1, 1, 1, 1, 2, 2, 3])]:
        kind = dice.pick(["image", "table", "sequence", "signal", "tokens", "volume"])
        rank = {"image": 3, "table": 1, "sequence": 2, "signal": 2, "tokens": 1, "volume": 4}[kind]
        if made and dice.chance(50) and kind != "tokens":
            shape = next(iter(made.values())).shape[1:]
        elif dice.chance(15):
            shape = (dice.pick([4, 3, 6]),) * rank
        else:
            sizes = [4, 3, 5, 6, 8, 7, 2] if rank < 4 else [4, 3, 5, 2]
            shape = tuple(dice.pick(sizes if at else [4, 3, 6, 2]) for at in range(rank))
        text = ",".join(map(str, shape))
        if kind == "tokens":
            made[name] = torch.randint(0, WORDS, (SAMPLES, *shape[:1]), generator=generator)
            shown.append(f"{shape[0]}:int{WORDS}")
        elif made and dice.chance(15):
            made[name] = torch.rand((SAMPLES, *shape), generator=generator) > 0.5
            shown.append(f"{text}:bool")
        else:
            made[name] = torch.randn((SAMPLES, *shape), generator=generator)
            shown.append(text)
    return made, shown


def _embed(dice: Dice, sketch: Sketch) -> None:
    """Tokens become vectors, truth values numbers or masks, before anything else."""
    for name, value in list(sketch.arguments.items()):
        if value.dtype == torch.bool:
            sketch.say(f"{name} = {dice.pick(['{}.float()', '(~{}).float()', '1.0 * {}']).format(name)}", name)
        elif not value.is_floating_point():
            said = dice.pick(["layer", "layer", "layer", "bag", "one_hot", "float"])
            width = dice.pick([4, 6, 8])
            if said == "layer":
                layer = sketch.layer("embed", f"nn.Embedding({WORDS}, {width}{dice.settings(padding_idx=[0])})")
                sketch.say(f"{name} = self.{layer}({name})", name)
            elif said == "bag":
                layer = sketch.layer("bag", f"nn.EmbeddingBag({WORDS}, {width}{dice.settings(mode=['sum', 'max'])})")
                sketch.say(f"{name} = self.{layer}({name})", name)
            else:
                text = f"F.one_hot({name}, {WORDS}).float()" if said == "one_hot" else f"{name}.float() / 10"
                sketch.say(f"{name} = {text}", name)


def _returned(dice: Dice, sketch: Sketch) -> str:
    """What forward gives: a value, several, or several by name; nothing that it reads is left out."""
    others = [name for name in sketch.arguments if name != "x"]
    others += [name for name in sketch.values if name.startswith("shortcut") and dice.chance(15)]
    others = [name for name in others if not any(name in _read(line) for line in sketch.forward[1:])]
    if not others:
        return dice.pick(["x", "x", "x", "x", "(x, x.mean(-1))", "{'features': x, 'pooled': x.flatten(1).mean(1)}"])
    names = ["x", *others]
    return dice.pick([f"({', '.join(names)})", "{" + ", ".join(f"'{n}_out': {n}" for n in names) + "}"])


def _read(line: str) -> set[str]:
    return set(re.findall(r"\w+", line.partition("=")[2]))
