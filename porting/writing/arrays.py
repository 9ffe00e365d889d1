"""The model's own arrays: parameters and buffers that no layer of torch.nn owns become layers that hold one array."""

import ast
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from porting.writing.axes import Axes, Form, Value
from porting.writing.expressions import Expression, name_of
from porting.writing.functions.row import NoRowError
from porting.writing.recorder import Recorder

if TYPE_CHECKING:
    import torch

SPELLED_ELEMENTS = 64


@dataclass(slots=True)
class OwnArray:
    """An array that becomes a layer of its own.

    Attributes
    ----------
    shape : tuple of int
        In torch.
    form : Form
        The axes that it is held in.
    written : ast.Tuple
        Where its shape is written.
    """

    shape: tuple[int, ...]
    form: Form
    written: ast.Tuple

    def axes(self) -> Axes:
        """The axes that it is held in."""
        return self.form.axes if self.form.axes is not None else tuple(range(len(self.shape)))


@dataclass(slots=True)
class OwnArrays:
    """Those that have been written."""

    recorder: Recorder
    by_path: dict[str, OwnArray] = field(default_factory=dict)

    def read(self, path: str, array: "torch.Tensor", trained: bool) -> Value:
        """Write the layer that holds an array, at its first use.

        Raises
        ------
        NoRowError
            If nothing in scope has the samples, which the layer would be called with.
        """
        anchor = self.recorder.scopes[-1].anchor
        if anchor is None:
            raise NoRowError("reads an array where no input is at hand")
        shape = tuple(map(int, array.shape))
        written = ast.Tuple([], ast.Load())
        own = OwnArray(shape, Form(), written)
        settings = {} if trained else {"trainable": False}
        layer = Expression(ast.Name("Parameter", ast.Load()))
        data = layer(Expression(written), **settings, name=name_of(path))(anchor.data)
        self.by_path[path] = own
        bound = self.recorder.bind(data, [path.rpartition(".")[2]])
        return Value(bound, shape, tuple(range(len(shape))), kind_of(array.dtype), own.form)

    def finish(self) -> None:
        """Write each shape, now that it is known which axes are held where."""
        for own in self.by_path.values():
            own.written.elts[:] = [ast.Constant(own.shape[axis]) for axis in own.axes()]


def constant(ops: Expression, array: "torch.Tensor", floatx: Expression) -> Value:
    """An array that the code made: spelled out where it is small.

    Raises
    ------
    NoRowError
        If it is not.
    """
    if array.numel() > SPELLED_ELEMENTS:
        raise NoRowError(f"reads a constant of {array.numel()} elements")
    kind = kind_of(array.dtype)
    named = {"float": floatx, "int": "int32", "bool": "bool"}[kind]
    shape = tuple(map(int, array.shape))
    return Value(ops.array(array.tolist(), dtype=named), shape, tuple(range(len(shape))), kind)


def kind_of(dtype: "torch.dtype") -> str:
    """What kind of number a torch type is."""
    import torch

    return "bool" if dtype == torch.bool else "float" if dtype.is_floating_point else "int"
