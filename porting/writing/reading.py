"""What calls read: values that have been written, the model's own arrays, and constants as short as they can be."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from porting.writing.arguments import arguments_of
from porting.writing.functions.arranging.repeating import expand, tied_to_input
from porting.writing.functions.row import NoRowError, Target
from porting.writing.functions.sizing import number
from porting.writing.functions.table import name_of
from porting.writing.graph.exported import Exported
from porting.writing.graph.folding import folded
from porting.writing.graph.marks import DROPOUTS
from porting.writing.graph.origins import origins_of
from porting.writing.graph.shapes import shape_of
from porting.writing.graph.simplifying import BROADCASTS, attention_mask, uniform_number
from porting.writing.recording.arrays import OwnArrays
from porting.writing.recording.constants import (
    SPELLED_ELEMENTS,
    SPELLED_OF_COMPUTED,
    following,
    kind_of,
    spelled,
    without_repeats,
    without_samples,
)
from porting.writing.recording.ownership import is_own
from porting.writing.recording.recorder import Recorder
from porting.writing.values.axes import Value
from porting.writing.values.sizes import is_free

if TYPE_CHECKING:
    import torch
    from torch.fx import Node


class UnknownError(Exception):
    """A call reads what could not be written, which has been told already."""


@dataclass(slots=True)
class Reader:
    """Reads for one model.

    Attributes
    ----------
    model : torch.nn.Module
    exported : Exported
    recorder : Recorder
    arrays : OwnArrays
    target : callable
        Call -> what its row writes with.
    applied : callable
        Call -> what its row writes.
    build : callable, optional
        Makes the model once more, so that it can be seen how it makes its buffers.
    run : callable, optional
        Runs what has been made so, as some models make them only then.
    values : dict
        Call or placeholder -> what has been written for it.
    constants : dict
        (call or placeholder, block) -> the same, for what no input reaches.
    origins : Mapping, optional
        Path of each buffer that no checkpoint has -> the call that made it; None until one is asked for.
    """

    model: "torch.nn.Module"
    exported: Exported
    recorder: Recorder
    arrays: OwnArrays
    target: "Callable[[Node], Target]"
    applied: "Callable[[Node], Any]"
    build: "Callable[[], torch.nn.Module] | None" = None
    run: "Callable[[torch.nn.Module], None] | None" = None
    values: "dict[Node, Any]" = field(default_factory=dict)
    constants: "dict[tuple[Node, int], Any]" = field(default_factory=dict)
    origins: "Mapping[str, Node] | None" = None

    def arguments(self, node: "Node") -> tuple[list[Any], dict[str, Any]]:
        """What a function is called with; a size that follows the inputs' is a number that is computed."""
        args, keywords = arguments_of(node, lambda read: self.argument(read, node))
        name = name_of(node.target)
        if name in BROADCASTS:
            args = [number(self.target(node), arg) if is_free(arg) else arg for arg in args]
        return self.without_mask(node, args, keywords) if name == "scaled_dot_product_attention" else (args, keywords)

    def argument(self, node: "Node", reader: "Node") -> Any:
        """What a function is called with: constants that broadcast are as short as they can be."""
        constants = self.exported.constants
        name = name_of(reader.target)
        if node not in constants or node in self.values:
            return _unless_samples(self.value(node), name)
        if name in (*DROPOUTS.values(), "noise"):
            return tied_to_input(self.target(node), self.value(node))
        if name == "scaled_dot_product_attention" and node not in reader.args[:3]:
            query, key = reader.all_input_nodes[:2]
            shape = (*shape_of(query)[:-1], shape_of(key)[-2])
            return None if attention_mask(node, query, constants) else self._short(node, shape)
        if name not in BROADCASTS:
            return _unless_samples(self.value(node), name)
        number = uniform_number(node, constants)
        shape = shape_of(reader)
        others = [n for n in reader.all_input_nodes if n is not node and n not in constants]
        if len(others) == 1 and shape_of(others[0]) == shape:
            return number if number is not None else self._short(node, shape)
        return self.value(node)

    def without_mask(self, node: "Node", args: list[Any], keywords: dict[str, Any]) -> Any:
        """The arguments of an attention without a mask that lets all through, or that ``is_causal`` says."""
        mask: Any = node.args[3] if len(node.args) > 3 else node.kwargs.get("attn_mask")
        lets = attention_mask(mask, node.all_input_nodes[0], self.exported.constants)
        if lets and len(args) > 3:
            args[3] = None
        elif lets:
            keywords.pop("attn_mask")
        return args, {**keywords, "is_causal": True} if lets == "causal" else keywords

    def _short(self, node: "Node", shape: tuple[int, ...]) -> Value:
        """A constant without what broadcasting to a shape repeats."""
        one = self._short_array(node, self.exported.constants)
        if one is None or (node in self.exported.others and not self._is_alike(node, one)):
            return self.value(node)
        value = spelled(self.target(node), one, tuple(one.shape), _most_listed(node))
        return self.value(node) if value is None else self._bound(value)

    def _short_array(self, node: "Node", arrays: "Mapping[Node, torch.Tensor]") -> "torch.Tensor | None":
        """A constant of one sample, without what broadcasting repeats."""
        one = (
            None if arrays[node].is_complex() else without_samples(arrays[node], shape_of(node), self.exported.is_batch)
        )
        return None if one is None else without_repeats(one, range(one.ndim))

    def _is_alike(self, node: "Node", one: "torch.Tensor") -> bool:
        """Whether a short constant is the same for inputs of other sizes."""
        other = self._short_array(node, self.exported.others)
        return other is not None and other.shape == one.shape and bool((other == one).all())

    def layer_value(self, node: "Node", owner: str) -> Any:
        """A layer's own weight is only looked at for its shape."""
        if node.name in self.exported.arrays and is_own(self.exported.arrays[node.name], owner):
            shape = shape_of(node)
            return Value(None, shape, tuple(range(len(shape))))
        if node not in self.exported.constants:
            return self.value(node)
        return tied_to_input(self.target(node), self._constant(node))

    def start(self, node: "Node", owner: str) -> Any:
        """What a recurrence reads: zeros to begin with are not written."""
        return 0 if uniform_number(node, self.exported.constants) == 0 else self.layer_value(node, owner)

    def masked_value(self, node: "Node", owner: str) -> Any:
        """What attention reads: a constant that is added, and only hides, says what is hidden."""
        array: Any = self.exported.constants.get(node)
        if (
            hasattr(array, "isneginf")
            and node not in self.exported.others
            and array.is_floating_point()
            and ((array == 0) | array.isneginf()).all()
        ):
            hidden = spelled(self.target(node), array.isneginf(), shape_of(node))
            if hidden is not None:
                return self._bound(hidden)
        return self.layer_value(node, owner)

    def value(self, node: "Node") -> Any:
        """What has been written for a call or an array, which is written at its first use.

        Raises
        ------
        UnknownError
            If it could not be written.
        """
        if node in self.exported.constants:
            return self._constant(node)
        if node not in self.values:
            if node.name not in self.exported.arrays:
                raise UnknownError
            path = self.exported.arrays[node.name]
            self.values[node] = self._array(node, path)
        return self.values[node]

    def output(self, node: "Node") -> Value:
        """What has been written for an output; a single number once for each sample.

        Raises
        ------
        NoRowError
            If it has no axis of samples, by which a Keras model could return it.
        """
        value = self.value(node)
        if not shape_of(node):
            return expand(self.target(node), value, (self.exported.samples,))
        if not any(map(self.exported.is_batch, shape_of(node))):
            raise NoRowError(f"is the same for all samples, of shape {shape_of(node)}")
        return value

    def _array(self, node: "Node", path: str) -> Value:
        known = self.model.state_dict(keep_vars=True)
        array = known[path] if path in known else self.model.get_buffer(path)
        return self.arrays.read(path, array, array.requires_grad, self.recorder.enclosing(node.users))

    def _constant(self, node: "Node") -> Any:
        """Spelled where that can be read, else computed as torch computes it, else held by a layer."""
        for scope in self.recorder.scopes:
            if (node, id(scope.block)) in self.constants:
                return self.constants[node, id(scope.block)]
        array = self.exported.constants[node]
        if isinstance(array, (list, tuple)):
            return self.applied(node)
        if not array.numel():
            return Value(None, shape_of(node), tuple(range(array.ndim)), kind_of(array.dtype))
        if array.is_complex():
            value = None
        elif node in self.exported.others:
            value = following(self.target(node), array, self.exported.others[node], shape_of(node))
        else:
            value = spelled(self.target(node), array, shape_of(node), _most_listed(node))
        scope = self.recorder.scopes[-1]
        if value is None and node.op == "call_function":
            value = self._computed(node, array)
        elif value is None:
            value = self._made(node, array)
        self.constants[node, id(scope.block)] = self._bound(value)
        return self.constants[node, id(scope.block)]

    def _made(self, node: "Node", array: "torch.Tensor") -> Any:
        """What the model keeps as its ``__init__`` computes it."""
        path = self.exported.kept.get(node.name, "")
        if self.origins is None and path:
            self.origins = self._origins()
        origin = (self.origins or {}).get(path)
        if origin is not None and origin.op == "call_function":
            return self._constant(origin)
        why = "numpy's or Python's making of them is not seen: compute them by torch's functions"
        if path and origin is None:
            why += "; nor is any of a model that is built already: name its class or factory"
        raise NoRowError(f"reads {path or 'a constant'}, {array.numel()} numbers that follow no rule, and {why}")

    def _origins(self) -> "Mapping[str, Node]":
        found = origins_of(self.build, set(self.exported.kept.values()), self.run) if self.build else None
        if found is None:
            return {}
        self.exported.constants.update(folded(found.graph, found.known, self.exported.samples))
        return {path: node for path, node in found.made.items() if node in self.exported.constants}

    def _computed(self, node: "Node", array: "torch.Tensor") -> Any:
        """A constant as torch computes it; as a list where that cannot be written, and it can."""
        try:
            return self.applied(node)
        except NoRowError:
            follows = node in self.exported.others or array.is_complex()
            value = None if follows else spelled(self.target(node), array, shape_of(node))
            if value is None:
                raise
            return value

    def _bound(self, value: Any) -> Any:
        if isinstance(value, (list, tuple)):
            return [self._bound(item) for item in value]
        if value.form is not None or value.data is None:
            return value
        return replace(value, data=self.recorder.bind(value.data))


def _unless_samples(value: Any, reader: str) -> Any:
    """Refuse the samples' own numbers to all but what looks up by them."""
    if isinstance(value, Value) and value.counts_samples and reader not in ("index", "index_put"):
        raise NoRowError("reads the numbers of the samples")
    return value


def _most_listed(node: "Node") -> int:
    """As a list of how many numbers a constant is read better than as what computes it."""
    return SPELLED_OF_COMPUTED if node.op == "call_function" else SPELLED_ELEMENTS
