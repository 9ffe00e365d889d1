"""Lay out what was written as the source of a module."""

import ast
import inspect
import re
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from porting.writing.recording.written import Written
from porting.writing.shaping.convolutions import DEFAULTS, function_source
from porting.writing.shaping.labels import PREFIX, Spelling, spelled, spelling_for
from porting.writing.shaping.merging.classes import Function, Functions
from porting.writing.shaping.naming import RESERVED, names_for, plain
from porting.writing.shaping.preparing import Shortening, blocks_in, prepare
from porting.writing.shaping.rolling.columns import numbers_in
from porting.writing.shaping.steps import Branch, Loop, Rows, Step, Turns, trees, with_names
from porting.writing.shaping.variables import assigned
from porting.writing.values.blocks import Statement
from porting.writing.values.expressions import LayerName, clone, walk
from porting.writing.values.sizes import is_free

UNTYPED = """# What Keras' layers return has no type.
# pyright: reportOptionalMemberAccess=false, reportOptionalOperand=false
# pyright: reportOptionalSubscript=false, reportCallIssue=false, reportArgumentType=false
# pyright: reportOperatorIssue=false, reportGeneralTypeIssues=false, reportIndexIssue=false"""
"""For type checkers, where a file reads shapes, takes slices, unpacks or computes."""
_OF_UNTYPED = re.compile(r"\.shape\b|\w\[|^ +\w+, .* = | [-+*/] ", re.MULTILINE)
CONVOLUTIONS = ("conv1d", "conv2d", "conv3d")


def layer_names(written: Written) -> dict[str, str]:
    """Path of each layer in the torch model -> its name in the port."""
    paths = {
        node.path
        for block in blocks_in(written.block)
        for statement in block.statements
        for node in walk(statement.tree)
        if isinstance(node, LayerName)
    }
    spelling = spelling_for(paths)
    return {path: spelling(path) for path in sorted(paths)}


def input_names(written: Written) -> list[str]:
    """What the port calls its inputs: as the torch model does, unless a layer is called so."""
    taken = set(layer_names(written).values())
    spelled = [layer_name(name) for name in written.block.parameter_names]
    return [f"{name}_input" if name in taken else name for name in spelled]


def layer_name(path: str) -> str:
    """The name of a layer, from its path in the torch model, where no two are spelled alike."""
    return Spelling()(path)


def source_of(written: Written, about: str) -> str:
    """The source of a module whose ``build()`` makes the port."""
    from porting.writing import inserted, sized

    spelling, called = spelling_for(layer_names(written)), input_names(written)
    prepare(written.block)
    merged = Functions(
        {
            *RESERVED,
            *CONVOLUTIONS,
            *(name for part in (inserted, sized) for name, _ in inspect.getmembers(part, callable)),
        }
    )
    model = merged.merge(written.block)
    layout = Layout(spelling, {function.name: function for function in merged.functions})
    parts = [layout.definition(function) for function in merged.functions if function is not model]
    parts.append(layout.build(model, written, called))
    heads = [_docstring(about)]
    own = [name for name in ("Learned", "Kept") if f"{name}(" in "".join(parts)]
    heads += [_inserted_source(name) for name in _with_parts((*own, *written.own))]
    heads += _convolutions(merged.functions)
    read = [name for name in ("layers", "ops") if re.search(rf"\b{name}\.", "".join([*heads[1:], *parts]))]
    heads.insert(1, "\n".join(["import keras", *([f"from keras import {', '.join(read)}"] if read else [])]))
    if _OF_UNTYPED.search("".join([*heads[1:], *parts])):
        heads.insert(1, UNTYPED)
    return formatted("\n\n\n".join([*heads, *parts]) + "\n")


def _inserted_source(name: str) -> str:
    from porting.writing import inserted, sized

    return inspect.getsource(getattr(sized, name, None) or getattr(inserted, name))


def _with_parts(names: Sequence[str]) -> list[str]:
    """What is copied, behind what it calls of the same."""
    from porting.writing import inserted, sized

    parts = [part for room in (sized, inserted) for part, _ in inspect.getmembers(room, inspect.isfunction)]
    found: dict[str, None] = {}
    for name in names:
        called = [part for part in parts if part != name and re.search(rf"\b{part}\(", _inserted_source(name))]
        found.update(dict.fromkeys([*(_with_parts(called) if called else []), name]))
    return list(found)


def _docstring(about: str) -> str:
    """What a file was written from, and by which versions."""
    import keras
    import torch

    from porting.version import __version__

    said = about.replace("\\", "/").replace('"', "'")
    versions = f"Porting {__version__} from torch {torch.__version__}, for keras {keras.__version__}"
    return f'"""{said}\n\nWritten by {versions}.\n"""'


def _convolutions(functions: Sequence[Function]) -> list[str]:
    """The functions for convolutions that are called, with the arguments that are given."""
    used: dict[str, dict[str, bool]] = {}
    for function in functions:
        for tree in trees(function.steps):
            for node in ast.walk(Shortening().visit(clone(tree))):
                if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in CONVOLUTIONS:
                    given = used.setdefault(node.func.id, {})
                    given.update((word.arg or "", True) for word in node.keywords if word.arg in DEFAULTS)
    return [function_source(name[4], given) for name, given in sorted(used.items())]


@dataclass(frozen=True, slots=True)
class Layout:
    """Lays out functions.

    Attributes
    ----------
    spelling : callable
        Path in the torch model -> name of a layer.
    functions : Mapping
        The functions of the file by name.
    """

    spelling: Callable[[str], str]
    functions: Mapping[str, Function]

    def definition(self, function: Function) -> str:
        """The source of the function of a class."""
        steps, names, parameters, results = self._named(function)
        needed = [ast.arg(option.name) for option in function.options if option.default is None]
        usual = [option for option in function.options if option.default is not None]
        positional = [*(ast.arg(names[value]) for value in parameters), *needed]
        named = [ast.arg(PREFIX)] if function.has_layers else []
        if not usual:
            positional, named = [*positional, *named], []
        positional += [ast.arg(option.name) for option in usual]
        defaults = [clone(option.default) for option in usual]
        args = ast.arguments([], positional, None, named, [None] * len(named), None, defaults)
        body = self.body(steps, names, results)
        return _source(function.name, args, body, _about(function.kinds))

    def build(self, model: Function, written: Written, called: Sequence[str]) -> str:
        """The source of the function that makes the model."""
        said = [plain(name) for name in model.parameter_names]
        holding = [f"{name}_input" for name in said] if len(said) > 1 else ["inputs"]
        steps, names, parameters, results = self._named(model, holding)
        made: list[ast.stmt] = []
        inputs = [names[value] for value in parameters]
        kept = [f"{name}_input" for name in inputs] if len(inputs) > 1 else holding
        for value, name, said, keep in zip(written.inputs, inputs, called, kept, strict=True):
            sizes = (value.shape[axis] for axis in value.axes[1:])
            shape = tuple(None if is_free(size) else size for size in sizes)
            kind = {"int": ", dtype='int32'", "bool": ", dtype='bool'"}.get(value.dtype, "")
            made += ast.parse(f"{keep} = {name} = keras.Input({shape!r}{kind}, name={said!r})").body
        body = self.body(steps, names, [])
        outputs = [names[value] for value in results]
        returned = outputs[0] if len(outputs) == 1 else f"[{', '.join(outputs)}]"
        given = kept[0] if len(kept) == 1 else f"[{', '.join(kept)}]"
        final = ast.parse(f"keras.Model({given}, {returned}, name={layer_name(model.name)!r})", mode="eval").body
        args = ast.arguments([], [], None, [], [], None, [])
        return _source("build", args, [*made, *body, ast.Return(final)], "The model, with weights drawn at random.")

    def _named(
        self, function: Function, reserved: Sequence[str] = ()
    ) -> tuple[list[Step], dict[str, str], list[str], list[str]]:
        """The steps of a function over variables, what those are called, and which it takes and returns."""
        wanted = ["x" if (name := plain(said)) in reserved else name for said in function.parameter_names]
        steps, variables = assigned(function.steps, function.parameters, wanted, function.results)
        parameters, results = ([variables.of(v) for v in part] for part in (function.parameters, function.results))
        taken = {*self.functions, *(option.name for option in function.options), *reserved}
        return steps, names_for(parameters, wanted, steps, results, taken), parameters, results

    def body(self, steps: Sequence[Step], names: dict[str, str], results: Sequence[str]) -> list[ast.stmt]:
        """Steps as Python's statements; the last is returned where it is the result."""
        lines = [line for step in steps for line in self._lines(step, names)]
        if not results:
            return lines
        last = steps[-1] if steps else None
        if isinstance(last, Statement) and last.targets == list(results) and isinstance(lines[-1], ast.Assign):
            return [*lines[:-1], ast.Return(lines[-1].value)]
        items: list[ast.expr] = [ast.Name(names[value], ast.Load()) for value in results]
        return [*lines, ast.Return(items[0] if len(items) == 1 else ast.Tuple(items, ast.Load()))]

    def _lines(self, step: Step, names: dict[str, str]) -> list[ast.stmt]:
        if isinstance(step, Statement):
            value = self._tree(step.tree, names)
            targets: list[ast.expr] = [ast.Name(names[target], ast.Store()) for target in step.targets]
            if not targets:
                return [ast.Expr(value)]
            target = targets[0] if len(targets) == 1 else ast.Tuple(targets, ast.Store())
            if isinstance(value, ast.Name) and isinstance(target, ast.Name) and value.id == target.id:
                return []
            return [ast.Assign([target], value, lineno=1)]
        if isinstance(step, Branch):
            return self._branch(step, names)
        body = [line for inner in step.body for line in self._lines(inner, names)]
        target, source = self._head(step, names)
        return [ast.For(target, source, body, [], lineno=1)]

    def _branch(self, step: Branch, names: dict[str, str]) -> list[ast.stmt]:
        body, otherwise = (
            [line for inner in part for line in self._lines(inner, names)] for part in (step.body, step.otherwise)
        )
        test = self._tree(step.test, names)
        if otherwise and isinstance(test, ast.UnaryOp):
            return [ast.If(test.operand, otherwise, body)]
        return [ast.If(test, body, otherwise)]

    def _head(self, loop: Loop, names: dict[str, str]) -> tuple[ast.expr, ast.expr]:
        """What a loop assigns to, and what it goes through."""
        start, count = (self._tree(tree, names) for tree in (loop.start, loop.count))
        plain_start = isinstance(start, ast.Constant) and start.value == 0
        columns: list[ast.expr] = [ast.Name(names[column], ast.Store()) for column in loop.columns]
        row = columns[0] if len(columns) == 1 else ast.Tuple(columns, ast.Store())
        if loop.table is None:
            stop = _sum(start, count)
            arguments = [stop] if plain_start else [start, stop]
            return ast.Name(names[loop.counter] if loop.counter else "_", ast.Store()), _called("range", arguments)
        table = self._tree(loop.table, names)
        if not loop.counter:
            return row, table
        pair = ast.Tuple([ast.Name(names[loop.counter], ast.Store()), row], ast.Store())
        return pair, _called("enumerate", [table] if plain_start else [table, start])

    def _tree(self, tree: ast.expr, names: dict[str, str]) -> ast.expr:
        made = with_names(_Plain().visit(clone(tree)), lambda value: names.get(value, value))
        return spelled(_Calling(self.functions).visit(Shortening().visit(made)), self.spelling)


class _Plain(ast.NodeTransformer):
    def visit_Turns(self, node: Turns) -> ast.expr:
        return ast.Constant(node.value)

    def visit_Rows(self, node: Rows) -> ast.AST:
        return self.generic_visit(ast.Tuple(node.elts, ast.Load()))


class _Calling(ast.NodeTransformer):
    """Leaves out the arguments that a function of the file takes by itself; the first that it needs is not named."""

    def __init__(self, functions: Mapping[str, Function]) -> None:
        self.functions = functions

    def visit_Call(self, node: ast.Call) -> ast.expr:
        self.generic_visit(node)
        function = self.functions.get(node.func.id) if isinstance(node.func, ast.Name) else None
        if function is None:
            return node
        usual = {o.name: ast.dump(o.default) for o in function.options if o.default is not None}
        node.keywords = [word for word in node.keywords if usual.get(word.arg or "") != ast.dump(word.value)]
        if node.keywords and node.keywords[0].arg != PREFIX and node.keywords[0].arg not in usual:
            node.args.append(node.keywords.pop(0).value)
        return node


def _sum(start: ast.expr, count: ast.expr) -> ast.expr:
    if numbers := numbers_in([start, count]):
        return ast.Constant(sum(numbers))
    return count if numbers_in([start]) == [0] else ast.BinOp(count, ast.Add(), start)


def _called(name: str, arguments: list[ast.expr]) -> ast.expr:
    return ast.Call(ast.Name(name, ast.Load()), arguments, [])


def _about(kinds: Sequence[type]) -> str:
    """What a function stands for: its classes, with the module before the first of each."""
    said = [f"{kind.__module__}.{kind.__qualname__}" for kind in kinds]
    same = all(kind.__module__ == kinds[0].__module__ for kind in kinds)
    return f"{', '.join([said[0], *(kind.__qualname__ for kind in kinds[1:])] if same else said)}."


def _source(name: str, args: ast.arguments, body: list[ast.stmt], about: str) -> str:
    made = ast.FunctionDef(name, args, [ast.Expr(ast.Constant(about)), *body], [], lineno=1)
    text = ast.unparse(ast.fix_missing_locations(made))
    if isinstance(last := body[-1], ast.Return) and isinstance(last.value, ast.Tuple):
        return f"{text[: text.rindex('(' + ast.unparse(last.value)[1:])]}{ast.unparse(last.value)[1:-1]}"
    return text


def formatted(source: str) -> str:
    """The source as ruff lays it out."""
    command = [sys.executable, "-m", "ruff", "format", "--isolated", "--line-length", "100", "-"]
    return subprocess.run(command, input=source, capture_output=True, text=True, check=True).stdout  # noqa: S603
