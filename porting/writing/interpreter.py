"""Go through the exported graph once and write down each call by its row."""

import ast
import operator
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from porting.rules.function_row import FunctionRow
from porting.writing.arguments import arguments_of, called, check, check_samples, item_of
from porting.writing.complex_calls import complex_call, is_complex
from porting.writing.functions.row import NoRowError, Target
from porting.writing.functions.table import FUNCTION_ROWS, is_in_place, name_of
from porting.writing.graph.authors import AuthorNames
from porting.writing.graph.call_sites import bound_inputs
from porting.writing.graph.exported import Exported, unused_arrays
from porting.writing.graph.layouts import channel_axis, only_dropped
from porting.writing.graph.module_calls import ModuleCall, call_tree
from porting.writing.graph.shapes import shape_of, shapes_of
from porting.writing.graph.simplifying import passed_through
from porting.writing.layers import LAYER_ROWS, RECURRENCES
from porting.writing.reading import Reader, UnknownError
from porting.writing.recording.arrays import OwnArrays
from porting.writing.recording.constants import kind_of
from porting.writing.recording.held_layers import HeldLayers
from porting.writing.recording.layer_axes import LayerAxes
from porting.writing.recording.ownership import ownership_of
from porting.writing.recording.recorder import (
    Missing,
    Recorder,
    Scope,
    sized_values,
    variable_of,
    variables_in_value,
    with_variables,
)
from porting.writing.recording.written import Written
from porting.writing.values.axes import Value, arranged, plain, settled, whole
from porting.writing.values.blocks import Block, BlockCall, Statement
from porting.writing.values.expressions import Expression
from porting.writing.values.sizes import SizeError

if TYPE_CHECKING:
    import torch
    from torch.fx import Node


class Interpreter:
    """Writes one model."""

    def __init__(
        self,
        model: "torch.nn.Module",
        exported: Exported,
        *,
        rows: Sequence[FunctionRow] = (),
        partial: bool = False,
        build: "Callable[[], torch.nn.Module] | None" = None,
        run: "Callable[[torch.nn.Module], None] | None" = None,
    ) -> None:
        self.rows = {row.name: row.write for row in rows}
        self.partial = partial
        self.model = model
        self.exported = exported
        self.recorder = Recorder()
        self.arrays = OwnArrays(self.recorder)
        self.authors = AuthorNames()
        self.ownership = ownership_of(model, exported, self.rows)
        self.reader = Reader(model, exported, self.recorder, self.arrays, self._target, self._applied, build, run)
        self.values = self.reader.values
        self.held: dict[str, Any] = {}
        self.own: list[str] = []
        self.missing: list[Missing] = []
        self.layer_axes = LayerAxes(exported.is_batch)

    def written(self) -> Written:
        """Write the whole model."""
        nodes = list(self.exported.graph.nodes)
        inputs = [self._input(node) for node in nodes if node.name in self.exported.inputs]
        block = Block("", type(self.model), module=self.model)
        block.parameters = [variable_of(value.data) for value in inputs]
        block.parameter_names = [*self.exported.input_names]
        self.recorder.scopes.append(Scope(block, [*inputs], sized=sized_values(inputs)))
        self._steps(call_tree([node for node in nodes if node.op == "call_function"], self.model))
        outputs = [value for node in self.exported.returned if (value := self._output(node)) is not None]
        block.results = [variable_of(value.data) for value in outputs]
        for path in reversed(unused_arrays(self.model, self.exported)):
            self.arrays.keep(path, self.model.state_dict()[path], block)
        self.arrays.finish()
        opened = self.ownership.opened
        return Written(block, inputs, outputs, self.own, self.arrays.by_path, self.missing, self.layer_axes, opened)

    def _output(self, node: "Node") -> Value | None:
        """All axes of an output, its samples first."""
        try:
            value = self.reader.output(node)
        except UnknownError:
            return None
        except (NoRowError, SizeError) as error:
            self.missing.append(Missing("output", str(error), self.authors.place(node)))
            return None
        order = whole(settled(value))
        samples = [axis for axis in order if self.exported.is_batch(value.shape[axis])][:1]
        held = arranged(OPS, value, (*samples, *(axis for axis in order if axis not in samples)))
        return replace(held, data=self.recorder.bind(held.data))

    def _input(self, node: "Node") -> Value:
        tensor, shape = node.meta["val"], shape_of(node)
        last = channel_axis(node) if len(shape) > 2 else None
        axes = (*(axis for axis in range(len(shape)) if axis != last), *([last] if last else []))
        self.values[node] = Value(self.recorder.fresh(), shape, axes, kind_of(tensor.dtype))
        return self.values[node]

    def _steps(self, call: ModuleCall) -> None:
        for step in call.steps:
            if not isinstance(step, ModuleCall):
                if step not in self.exported.constants:
                    self._node(step, call)
            elif step.is_seen_through():
                self._steps(replace(step, module=call.module))
            else:
                self._block(step, call)

    def _block(self, call: ModuleCall, outer: ModuleCall) -> None:
        """Write a call of a module as a call of a function, unless it comes to one statement at most."""
        inside = dict.fromkeys(call.nodes())
        reads = dict.fromkeys(node for step in inside for node in step.all_input_nodes if node not in inside)
        read = [self._settled(node) for node in reads if node in self.values]
        anchors = [v for v in read if isinstance(v, Value) and any(map(self.exported.is_batch, v.shape))]
        block = Block(call.path, type(call.module), module=call.module)
        self.recorder.scopes.append(Scope(block, anchors, inside, sized_values(read)))
        self._steps(call)
        self.recorder.scopes.pop()
        leaving = [node for node in inside if node in self.values and any(user not in inside for user in node.users)]
        made = block.made()
        results = [name for node in leaving for name in variables_in_value(self.values[node])]
        block.results = [name for name in dict.fromkeys(results) if name in made]
        if len(block.statements) <= 1:
            self.recorder.block.statements += block.statements
            return
        self._take_inputs(block, call, outer)
        names = [name for node in leaving for name in self.authors.names(node, outer)]
        if len(block.results) > 1:
            names = block.names_of(block.results)
        arguments: list[ast.expr] = [ast.Name(name, ast.Load()) for name in block.parameters]
        outside = [self.recorder.fresh() for _ in block.results]
        targets = [variable_of(data) for data in outside]
        self.recorder.block.statements.append(Statement(targets, BlockCall(block, arguments), names))
        renamed = dict(zip(block.results, outside, strict=True))
        for node in inside:
            if node in self.values:
                self.values[node] = with_variables(self.values[node], renamed)
        self.recorder.scopes[-1].sized += sized_values([self.values[node] for node in leaving])

    def _take_inputs(self, block: Block, call: ModuleCall, outer: ModuleCall) -> None:
        """Let a block take what it reads, in the order of its forward as far as the source tells, made layers last."""
        titles = self.recorder.titles
        given = [name for name in block.free() if name not in titles]
        held = [name for name in block.free() if name in titles]
        place = call.path.removeprefix(f"{outer.path}." if outer.path else "")
        bound = bound_inputs(call.module, outer.module, place, given, self.recorder.block.names_said())
        block.parameters = [*(bound or given), *held]
        names = bound.values() or self.authors.parameters(call, given)
        block.parameter_names = [*names, *(titles[name] for name in held)]

    def _settled(self, node: "Node") -> Any:
        if isinstance(self.values[node], Value):
            self.values[node] = settled(self.values[node])
        return self.values[node]

    def _node(self, node: "Node", call: ModuleCall) -> None:
        first = len(self.recorder.block.statements)
        try:
            made = self._bound(self._applied(node), self.authors.names(node, call))
        except UnknownError:
            return
        except (NoRowError, SizeError) as error:
            self.missing.append(Missing(name_of(node.target), str(error), self.authors.place(node)))
            if not self.partial:
                return
            made = self._bound(self._left_out(node), self.authors.names(node, call))
        for statement in self.recorder.block.statements[first:]:
            statement.place = self.authors.line(node, call)
        self.values[node] = made
        self._kept_at_hand(made)
        if is_in_place(node.target):
            self.values[node.all_input_nodes[0]] = made

    def _kept_at_hand(self, made: Any) -> None:
        """What has the samples first can lend them to what has not; and what has a size of an input's, that."""
        self.recorder.scopes[-1].sized += sized_values([made])
        is_written = isinstance(made, Value) and made.axes and made.form is None and made.data is not None
        if is_written and self.exported.is_batch(made.shape[made.axes[0]]):
            self.recorder.scopes[-1].anchors.append(made)

    def _left_out(self, node: "Node") -> Any:
        """A call that raises NotImplementedError, in the place of one that cannot be written."""
        held = [self.values[read].data for read in node.all_input_nodes if isinstance(self.values.get(read), Value)]
        data = self._inserted("not_written")(name_of(node.target), *held)
        tensors = node.meta["val"] if isinstance(node.meta["val"], (list, tuple)) else [node.meta["val"]]
        parts = self.recorder.unpack(data, len(tensors)) if len(tensors) > 1 else [data]
        made = [
            plain(part, shape, kind_of(tensor.dtype))
            for part, tensor, shape in zip(parts, tensors, shapes_of(node), strict=True)
        ]
        return made if isinstance(node.meta["val"], (list, tuple)) else made[0]

    def _applied(self, node: "Node") -> Any:
        if node.target is operator.getitem:
            return item_of(self.reader.value(node.all_input_nodes[0]), _place_of(node))
        if (kept := passed_through(node, self.exported.constants)) is not None:
            return self.reader.value(kept)
        name = name_of(node.target)
        owner = self.ownership.owners.get(node)
        if owner is not None:
            read = READ_BY.get(name, Reader.layer_value)
            args, keywords = arguments_of(node, lambda arg: read(self.reader, arg, owner))
            made = called(LAYER_ROWS[name][1], self._target(node, owner), owner, *args, **keywords)
            made = check(made, node)
            self.layer_axes.note(owner, name, made, node)
            return made
        self.ownership.refuse_tied(node)
        if is_complex(node) and name not in self.rows:
            return complex_call(node, name, self._target(node), self.reader.argument)
        if (row := self.rows.get(name) or FUNCTION_ROWS.get(name)) is None:
            raise NoRowError("the table of functions has no row for it")
        args, keywords = self.reader.arguments(node)
        made = called(row, self._target(node), *args, **keywords)
        made = check(made, node)
        check_samples(made, self.exported.samples)
        return made

    def _bound(self, made: Any, names: list[str]) -> Any:
        if isinstance(made, (list, tuple)):
            padded = [*names, *[""] * len(made)]
            self._name_unpacked(made, names)
            return [self._bound(item, [name] if name else []) for item, name in zip(made, padded, strict=False)]
        if not isinstance(made, Value) or made.form is not None or made.data is None:
            return made
        data = self.recorder.bind(made.data, names)
        for statement in reversed(self.recorder.block.statements):
            if variable_of(data) in statement.targets and not statement.names:
                statement.names = list(names)
        return replace(made, data=data)

    def _name_unpacked(self, made: Sequence[Any], names: list[str]) -> None:
        """Call what one statement unpacks by the names that one line of torch gives to all of it."""
        last = next(reversed(self.recorder.block.statements), None)
        if last is not None and last.targets == [name for item in made for name in variables_in_value(item)]:
            last.names = list(names) if len(names) == len(made) else []

    def _target(self, node: "Node", owner: str = "") -> Target:
        layers, calls = LAYERS, self.ownership.shared.get(owner, ())
        if calls:
            layers = HeldLayers(LAYERS, self.recorder, self.recorder.enclosing(calls), owner, self.held)
        return Target(
            ops=OPS,
            layers=layers,
            own=self._inserted,
            kept=self.recorder.bind,
            unpacked=self.recorder.unpack,
            is_batch=self.exported.is_batch,
            anchors=self.recorder.anchors,
            drops_units=only_dropped(node),
            used={_place_of(user) for one in (node, *calls) for user in one.users if user.target is operator.getitem},
            floatx=FLOATX,
            sized=self.recorder.sized,
        )

    def _inserted(self, name: str) -> Expression:
        if name not in self.own:
            self.own.append(name)
        return _named(name)


def _named(name: str) -> Expression:
    return Expression(ast.Name(name, ast.Load()))


READ_BY = {**dict.fromkeys(RECURRENCES, Reader.start), "multi_head_attention": Reader.masked_value}
OPS, LAYERS, FLOATX = _named("ops"), _named("layers"), _named("keras").config.floatx()


def _place_of(item: "Node") -> int:
    """Which of several results a call takes."""
    return item.args[1]  # pyright: ignore[reportReturnType]
