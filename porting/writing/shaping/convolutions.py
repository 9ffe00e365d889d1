"""One written form for the convolutions of a class: plain layers where that is enough, else a function that pads.

Torch pads any convolution alike on both sides. Keras does so where the strides are one (``padding="same"``); elsewhere
zeros must be put before. A class whose convolutions do both, or that is depthwise at times, calls ``conv2d``, which is
copied into the file.
"""

import ast
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from porting.writing.values.blocks import Block, BlockCall
from porting.writing.values.expressions import LayerName, clone

if TYPE_CHECKING:
    import torch

Setting = int | str
DEFAULTS: dict[str, Setting] = {"strides": 1, "padding": 0, "dilation_rate": 1, "groups": 1, "use_bias": True}
_KIND = re.compile(r"(?P<depthwise>Depthwise)?Conv(?P<rank>[123])D$")
_PADDING = re.compile(r"ZeroPadding[123]D$")


@dataclass(frozen=True, slots=True)
class Convolution:
    """What is written of one call of a convolution: ``layers.Conv2D(filters, ...)(x)``, or of padded x."""

    rank: str
    depthwise: bool
    arguments: list[ast.expr]
    settings: dict[str, ast.expr]
    x: ast.expr
    padding: ast.expr | None
    path: str

    def form(self) -> str:
        """How it pads: not, as Keras does, by zeros before it, or in a way that no number says."""
        if self.padding is not None:
            return "zeros" if _is_number(self.padding) and self._is_plain() else "other"
        same = getattr(self.settings.get("padding"), "value", "valid") == "same"
        return ("same" if same else "valid") if self._is_plain() else "uneven"

    def _is_plain(self) -> bool:
        sizes = [self.arguments[-1], *(self.settings[n] for n in ("strides", "dilation_rate") if n in self.settings)]
        return all(map(_is_number, sizes))


def convolution(tree: ast.AST) -> Convolution | None:
    """What a tree says of a convolution, if it is one."""
    if not isinstance(tree, ast.Call) or not (layer := _layer(tree, _KIND)) or len(tree.args) != 1:
        return None
    settings = {word.arg: word.value for word in layer.keywords if word.arg}
    name = settings.pop("name", None)
    if not isinstance(name, LayerName):
        return None
    x, padding = tree.args[0], None
    if isinstance(x, ast.Call) and (zeros := _layer(x, _PADDING)):
        x, padding = x.args[0], zeros.args[0]
    kind = _KIND.match(layer.func.attr)  # pyright: ignore[reportAttributeAccessIssue]
    assert kind is not None
    return Convolution(kind["rank"], bool(kind["depthwise"]), layer.args, settings, x, padding, name.path)


def _layer(call: ast.Call, kind: re.Pattern[str]) -> ast.Call | None:
    """``layers.NAME(...)`` where that is called and its name is of a kind."""
    made = call.func
    if not isinstance(made, ast.Call) or not isinstance(made.func, ast.Attribute):
        return None
    plain = isinstance(made.func.value, ast.Name) and made.func.value.id == "layers"
    return made if plain and kind.match(made.func.attr) else None


def _is_number(tree: ast.expr) -> bool:
    return isinstance(tree, ast.Constant) and isinstance(tree.value, int)


@dataclass(slots=True)
class Convolutions:
    """Which convolutions of a model are written by the function.

    Attributes
    ----------
    model : torch.nn.Module
    sites : dict
        Class and label -> the ways in which the convolutions there pad, and whether they are depthwise.
    """

    model: "torch.nn.Module"
    sites: dict[tuple[type, str], set[tuple[str, bool]]] = field(default_factory=dict)

    def look(self, blocks: Iterable[Block]) -> None:
        """Take note of the convolutions of blocks."""
        for block in blocks:
            for found in _found(block):
                self.sites.setdefault(_site(block, found), set()).add((found.form(), found.depthwise))

    def rewrite(self, block: Block) -> None:
        """Write the convolutions of a block in their class' form."""
        for statement in block.statements:
            if not isinstance(statement.tree, BlockCall):
                statement.tree = _Rewriting(self, block).visit(clone(statement.tree))

    def is_called(self, block: Block, found: Convolution) -> bool:
        """Whether a convolution is a call of the function."""
        ways = self.sites[_site(block, found)]
        return _is_mixed(ways) or ({form for form, _ in ways} == {"zeros"} and any(map(_is_mixed, self.sites.values())))

    def may_be_same(self, block: Block, found: Convolution) -> bool:
        """Whether nothing is to be padded, but is where others of the class are."""
        settings = [
            found.arguments[-1],
            *(found.settings.get(n, ast.Constant(1)) for n in ("strides", "dilation_rate")),
        ]
        ones = all(isinstance(tree, ast.Constant) and tree.value == 1 for tree in settings)
        return ones and not {"valid"} >= {form for form, _ in self.sites[_site(block, found)]}

    def channels(self, path: str) -> int:
        """The number of channels that the torch layer makes."""
        return int(getattr(self.model.get_submodule(path), "out_channels", 0))


def _is_mixed(ways: set[tuple[str, bool]]) -> bool:
    forms = {form for form, _ in ways}
    return not forms & {"other", "uneven"} and (
        ("zeros" in forms and len(forms) > 1) or len({deep for _, deep in ways}) > 1
    )


def _found(block: Block) -> Iterator[Convolution]:
    for statement in block.statements:
        if not isinstance(statement.tree, BlockCall):
            for node in ast.walk(statement.tree):
                if (found := convolution(node)) is not None:
                    yield found


def _site(block: Block, found: Convolution) -> tuple[type, str]:
    inside = found.path.startswith(f"{block.path}.")
    return block.kind, found.path[len(block.path) :] if inside else found.path


class _Rewriting(ast.NodeTransformer):
    def __init__(self, convolutions: Convolutions, block: Block) -> None:
        self.convolutions = convolutions
        self.block = block

    def visit_Call(self, node: ast.Call) -> ast.AST:
        found = convolution(node)
        if found is None or not self.convolutions.is_called(self.block, found):
            if found is not None and found.padding is None and self.convolutions.may_be_same(self.block, found):
                layer: Any = node.func
                layer.keywords = [ast.keyword("padding", ast.Constant("same")), *layer.keywords]
            return self.generic_visit(node)
        settings = {name: found.settings.get(name, ast.Constant(value)) for name, value in DEFAULTS.items()}
        settings["padding"] = _zeros(found)
        filters = found.arguments[0]
        if found.depthwise:
            filters = ast.Constant(self.convolutions.channels(found.path))
            settings["groups"] = filters
        words = [ast.keyword(name, value) for name, value in settings.items()]
        words.append(ast.keyword("name", LayerName(path=found.path)))
        arguments = [self.visit(found.x), filters, found.arguments[-1]]
        return ast.Call(ast.Name(f"conv{found.rank}d", ast.Load()), arguments, words)


def _zeros(found: Convolution) -> ast.expr:
    """How many zeros stand at both ends."""
    if found.padding is not None:
        return found.padding
    if found.form() == "valid":
        return ast.Constant(0)
    size, rate = found.arguments[-1], found.settings.get("dilation_rate", ast.Constant(1))
    return ast.Constant(rate.value * (size.value - 1) // 2)  # pyright: ignore[reportAttributeAccessIssue]


FUNCTION = '''
def conv{rank}d(x, filters, kernel_size{arguments}, name=None):
    """Convolve as torch.nn.Conv{rank}d does, with so many zeros at both ends."""
    same = strides == 1 and 2 * padding == {reach}
    if padding and not same:
        x = layers.ZeroPadding{rank}D(padding)(x)
    border = "same" if same else "valid"
{depthwise}    return layers.Conv{rank}D(filters, kernel_size, {settings}{groups}, name=name)(x)
'''
DEPTHWISE = """    if 1 < groups == filters == x.shape[-1]:
        return layers.DepthwiseConv{rank}D(kernel_size, {settings}, name=name)(x)
"""


def function_source(rank: str, used: Mapping[str, bool]) -> str:
    """The function that is copied into a file, with the arguments that the file uses."""
    kept = [name for name in DEFAULTS if name in {"strides", "padding"} or used.get(name)]
    said = [f"{name}={name}" for name in kept if name not in {"padding", "groups"}]
    settings = ", ".join([said[0], "padding=border", *said[1:]])
    return FUNCTION.format(
        rank=rank,
        arguments="".join(f", {name}={DEFAULTS[name]!r}" for name in kept),
        settings=settings,
        reach="dilation_rate * (kernel_size - 1)" if "dilation_rate" in kept else "kernel_size - 1",
        depthwise=DEPTHWISE.format(rank=rank, settings=settings) if "groups" in kept and rank != "3" else "",
        groups=", groups=groups" if "groups" in kept else "",
    ).strip()
