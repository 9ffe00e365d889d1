"""Lay out what was written as the source of a module."""

import ast
import inspect
import re
import subprocess
import sys
from collections.abc import Sequence

from porting.writing.blocks import Statement
from porting.writing.expressions import LayerName, clone
from porting.writing.interpreter import Written
from porting.writing.merging import Function, Functions
from porting.writing.naming import RESERVED, Renaming, names_for

SPELLING = re.compile(r"[^A-Za-z0-9_]")


def layer_name(path: str) -> str:
    """The name that every backend of Keras takes for a layer, from its path in the torch model."""
    return SPELLING.sub("_", path) or "model"


def source_of(written: Written, about: str) -> str:
    """The source of a module whose ``build()`` makes the port."""
    from porting.writing import inserted

    merged = Functions({*RESERVED, *(name for name, _ in inspect.getmembers(inserted, inspect.isfunction))})
    model = merged.merge(written.block)
    own = [*(["Parameter"] if written.arrays else []), *written.own]
    parts = [f'"""{about}"""', "import keras\nfrom keras import layers, ops"]
    parts += [inspect.getsource(getattr(inserted, name)) for name in own]
    taken = {function.name for function in merged.functions}
    parts += [ast.unparse(_definition(function, taken)) for function in merged.functions if function is not model]
    parts.append(ast.unparse(_build(model, written, taken)))
    return formatted("\n\n\n".join(parts) + "\n")


def _definition(function: Function, taken: set[str]) -> ast.FunctionDef:
    names = names_for(
        function.parameters,
        function.parameter_names,
        function.statements,
        function.results,
        {*function.options, *taken},
    )
    arguments = [names[value] for value in function.parameters] + list(function.options)
    arguments += ["name"] if function.has_layers else []
    body = _body(function.statements, names, function.results, "name")
    return _function(function.name, arguments, body)


def _build(model: Function, written: Written, taken: set[str]) -> ast.FunctionDef:
    names = names_for(model.parameters, model.parameter_names, model.statements, model.results, taken)
    made: list[ast.stmt] = []
    inputs = [names[value] for value in model.parameters]
    kept = [f"{name}_input" if len(inputs) > 1 else "inputs" for name in inputs]
    for value, name, input_name, keep in zip(written.inputs, inputs, model.parameter_names, kept, strict=True):
        shape = tuple(value.shape[axis] for axis in value.axes[1:])
        settings = f", dtype={'int32' if value.dtype == 'int' else 'bool'!r}" if value.dtype != "float" else ""
        made += ast.parse(f"{keep} = {name} = keras.Input({shape!r}{settings}, name={layer_name(input_name)!r})").body
    body = _body(model.statements, names, [], "")
    outputs = [names[value] for value in model.results]
    returned = outputs[0] if len(outputs) == 1 else f"[{', '.join(outputs)}]"
    given = kept[0] if len(kept) == 1 else f"[{', '.join(kept)}]"
    final = ast.parse(f"keras.Model({given}, {returned}, name={layer_name(model.name)!r})", mode="eval").body
    return _function("build", [], [*made, *body, ast.Return(final)])


def _body(
    statements: Sequence[Statement], names: dict[str, str], results: Sequence[str], prefix: str
) -> list[ast.stmt]:
    """Statements, each value under its name; the last is returned where it is the result."""
    lines = [_assignment(statement, names, prefix) for statement in statements]
    if not results:
        return lines
    if len(results) == 1 and statements and statements[-1].targets == list(results):
        last = lines.pop()
        assert isinstance(last, ast.Assign)
        return [*lines, ast.Return(last.value)]
    items = [ast.Name(names[value], ast.Load()) for value in results]
    return [*lines, ast.Return(items[0] if len(items) == 1 else ast.Tuple(items, ast.Load()))]


def _assignment(statement: Statement, names: dict[str, str], prefix: str) -> ast.stmt:
    value = _Spelling(prefix).visit(Renaming(names).visit(clone(statement.tree)))
    targets: list[ast.expr] = [ast.Name(names[target], ast.Store()) for target in statement.targets]
    target = targets[0] if len(targets) == 1 else ast.Tuple(targets, ast.Store())
    return ast.Assign([target], value, lineno=1)


class _Spelling(ast.NodeTransformer):
    """Spells the names of layers: behind the name of the block that they stand in."""

    def __init__(self, prefix: str) -> None:
        self.prefix = prefix

    def visit_LayerName(self, node: LayerName) -> ast.expr:
        spelled = layer_name(node.path) if node.path else ""
        if not self.prefix:
            return ast.Constant(layer_name(node.path))
        if not spelled:
            return ast.Name(self.prefix, ast.Load())
        return ast.parse(f"f'{{{self.prefix}}}_{spelled}'", mode="eval").body


def _function(name: str, arguments: Sequence[str], body: list[ast.stmt]) -> ast.FunctionDef:
    args = ast.arguments([], [ast.arg(argument) for argument in arguments], None, [], [], None, [])
    return ast.fix_missing_locations(ast.FunctionDef(name, args, body, [], lineno=1))


def formatted(source: str) -> str:
    """The source as ruff lays it out."""
    command = [sys.executable, "-m", "ruff", "format", "--isolated", "--line-length", "100", "-"]
    return subprocess.run(command, input=source, capture_output=True, text=True, check=True).stdout  # noqa: S603
