"""LSTM, GRU and the plain recurrence: one layer of Keras for each layer, both directions together."""

from collections.abc import Sequence
from typing import Any

from porting.writing.functions.arranging.shapes import select, stack
from porting.writing.functions.row import NoRowError, Target
from porting.writing.layers.row import changed, layer_row
from porting.writing.values.axes import Value, arranged, in_order
from porting.writing.values.expressions import name_of

KINDS = {"lstm": "LSTM", "gru": "GRU", "rnn_tanh": "SimpleRNN", "rnn_relu": "SimpleRNN"}


def _recurrence(function: str, kind: str) -> None:
    owner = "RNN" if kind == "SimpleRNN" else kind

    @layer_row(function, owner)
    def recurrence(
        k: Target,
        name: str,
        x: Value,
        start: Any,
        weights: Sequence[Value],
        has_biases: bool,
        num_layers: int,
        dropout: float,
        train: bool,
        bidirectional: bool,
        batch_first: bool,
    ) -> list[Value]:
        directions, each = (2 if bidirectional else 1), (2 if kind == "LSTM" else 1)
        if len(weights) != num_layers * directions * (4 if has_biases else 2):
            raise NoRowError(f"{kind} with proj_size, which Keras does not have")
        order = (0, 1, 2) if batch_first else (1, 0, 2)
        x = arranged(k.ops, x, order)
        units = weights[1].shape[1]
        settings = changed(
            activation=("relu" if function == "rnn_relu" else "tanh", "tanh"),
            use_bias=(has_biases, True),
            return_state=(bool({1, 2} & set(k.used)), False),
        )
        states: list[Value] = []
        for layer in range(num_layers):
            path = name if num_layers * directions == 1 else f"{name}.l{layer}"
            called = _layer(k, kind, units, settings, path, bidirectional)
            starts = _starts(k, start, layer * directions, directions)
            data, ended = _called(k, called, x, starts, each * directions if "return_state" in settings else 0)
            x = Value(data, (*x.shape[:2], units * directions), order)
            states += [Value(item, (x.shape[order[0]], units), (0, 1)) for item in ended]
            if dropout and layer < num_layers - 1:
                x = x.with_data(k.layers.Dropout(dropout)(x.data))
        return [x, *(stack(k, states[at::each], 0) for at in range(each) if states)]


def _layer(k: Target, kind: str, units: int, settings: dict[str, Any], path: str, bidirectional: bool) -> Any:
    if not bidirectional:
        return getattr(k.layers, kind)(units, return_sequences=True, **settings, name=name_of(path))
    inner = getattr(k.layers, kind)(units, return_sequences=True, **settings)
    return k.layers.Bidirectional(inner, name=name_of(path))


def _starts(k: Target, start: Any, first: int, count: int) -> list[Any]:
    """What each direction begins with, in Keras' order; nothing where that is zeros."""
    given = [value for value in (start if isinstance(start, list) else [start]) if isinstance(value, Value)]
    return [in_order(k.ops, select(k, value, 0, first + at)).data for at in range(count) for value in given]


def _called(k: Target, layer: Any, x: Value, starts: list[Any], count: int) -> tuple[Any, list[Any]]:
    """What the layer returns, and so many states that it ends in."""
    given = {"initial_state": starts[0] if len(starts) == 1 else starts} if starts else {}
    made = layer(x.data, **given)
    if not count:
        return made, []
    data, *states = k.unpacked(made, count + 1)
    return data, states


for _function, _kind in KINDS.items():
    _recurrence(_function, _kind)


@layer_row("lstm_cell", "LSTMCell")
def lstm_cell(
    k: Target,
    name: str,
    x: Value,
    start: Sequence[Value],
    weight_ih: Value,
    weight_hh: Value,
    bias_ih: Value | None = None,
    bias_hh: Value | None = None,
) -> list[Value]:
    cell = k.layers.LSTMCell(weight_hh.shape[1], **changed(use_bias=(bias_ih is not None, True)), name=name_of(name))
    states = [in_order(k.ops, state).data for state in start]
    made = k.kept(cell(in_order(k.ops, x).data, states))
    return [Value(data, (x.shape[0], weight_hh.shape[1]), (0, 1)) for data in (made[0], made[1][1])]


def _cell(function: str, kind: str, owner: str, activation: str) -> None:
    @layer_row(function, owner)
    def cell(
        k: Target,
        name: str,
        x: Value,
        start: Value,
        weight_ih: Value,
        weight_hh: Value,
        bias_ih: Value | None = None,
        bias_hh: Value | None = None,
    ) -> Value:
        settings = changed(activation=(activation, "tanh"), use_bias=(bias_ih is not None, True))
        called = getattr(k.layers, kind)(weight_hh.shape[1], **settings, name=name_of(name))
        data = called(in_order(k.ops, x).data, [in_order(k.ops, start).data])[0]
        return Value(data, (x.shape[0], weight_hh.shape[1]), (0, 1))


_cell("gru_cell", "GRUCell", "GRUCell", "tanh")
_cell("rnn_tanh_cell", "SimpleRNNCell", "RNNCell", "tanh")
_cell("rnn_relu_cell", "SimpleRNNCell", "RNNCell", "relu")
