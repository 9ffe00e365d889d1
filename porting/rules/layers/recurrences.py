"""Rows of the recurrent layers, whose gates move by name."""

from dataclasses import replace

from porting.rules.directions import Recurrence, is_turned
from porting.rules.rule import LayerRule
from porting.rules.settings import Agreement, Declared, Fixed, Setting
from porting.rules.shared_settings import by_sizes, trained
from porting.traces import LayerCall

_SUMMED_BIASES = "Keras has one bias, the sum of torch's two: it comes back in bias_ih_l0, and zeros in bias_hh_l0"


def _recurrent(
    kind: str, port: str, units: tuple[str, str], bias: str, *settings: Setting, note: str = ""
) -> LayerRule:
    ours, theirs = units
    return LayerRule(
        kind,
        port,
        {
            "weight_ih_l0": ("kernel", (f"{ours} feature -> feature {theirs}",)),
            "weight_hh_l0": ("recurrent_kernel", (f"{ours} state -> state {theirs}",)),
            "bias_ih_l0 bias_hh_l0": ("bias", biases(ours, bias, theirs)),
        },
        (
            by_sizes("num_layers bidirectional", ""),
            Fixed("torch", "proj_size", 0, "Keras has no projection of the state"),
            Declared("compared with the samples first, whatever torch's order", ("batch_first",)),
            Agreement((), ("go_backwards",), _same_direction),
            Declared("judged with go_backwards", ("reverse",)),
            Fixed("keras", "stateful", False, "torch starts each batch from the state that it is given, or zeros"),
            Declared("a step that is masked shows in what the layer returns", port=("zero_output_for_mask",)),
            Declared("the last step is compared where only that is returned", port=("return_sequences",)),
            Declared("a state that is used shows in what it reaches", port=("return_state",)),
            Declared("how it is computed, not what", port=("unroll", "implementation", "use_cudnn")),
            Declared("between the layers of a stack only", ("dropout",), in_training=True),
            Fixed("keras", "dropout", 0.0, "drop in a layer of its own", True),
            Fixed("keras", "recurrent_dropout", 0.0, "torch drops nothing between steps", True),
            Declared("of dropout only", port=("seed",), in_training=True),
            Declared("matters before training only", port=("unit_forget_bias",), in_training=True),
            by_sizes("input_size hidden_size bias", "units use_bias"),
            *settings,
            *trained("kernel", "recurrent", "bias"),
        ),
        activation="sample time feature -> sample time feature",
        output="sample ... unit -> sample ... unit",
        window=Recurrence(),
        by_calls=_in_the_order_given,
        note=note,
    )


def biases(ours: str, bias: str, theirs: str) -> tuple[str, ...]:
    """Patterns of torch's two biases: as Keras has two, and as their sum, where it has one."""
    summed = f"bias=2 {ours} -> {theirs}"
    return (f"bias=2 {ours} -> {bias}{theirs}", summed) if bias else (summed,)


def _in_the_order_given(rule: LayerRule, reference: LayerCall, port: LayerCall) -> LayerRule:
    """The row of two layers, of which the port's may be given its steps turned and run the other way."""
    return replace(rule, window=Recurrence(is_turned(reference, port)))


def _same_direction(reference: LayerCall, port: LayerCall) -> str:
    ours, theirs = reference.settings.get("reverse", False), port.settings["go_backwards"]
    if ours == theirs or is_turned(reference, port):
        return ""
    if ours:
        return f"{reference.name} runs backwards in torch, go_backwards=False in Keras: put it into a Bidirectional"
    return "go_backwards=True in Keras, must be False: reverse the sequence in a layer of its own"


def same_nonlinearity(reference: LayerCall, port: LayerCall) -> str:
    """Say how the functions of a plain recurrence differ; empty where they do not."""
    mode = reference.settings.get("mode") or reference.settings["nonlinearity"]
    ours, theirs = mode.removeprefix("RNN_").lower(), port.settings["activation"]
    return "" if ours == theirs else f"nonlinearity={ours} in torch, activation={theirs} in Keras"


GATED: tuple[Setting, ...] = (
    Fixed("keras", "activation", "tanh", "torch knows no other"),
    Fixed("keras", "recurrent_activation", "sigmoid", "torch knows no other"),
    by_sizes("mode", ""),
)

RECURRENT = (
    _recurrent("LSTM", "LSTM", ("(gate=ifgo unit)", "(gate=ifgo unit)"), "", *GATED, note=_SUMMED_BIASES),
    _recurrent(
        "GRU",
        "GRU",
        ("(gate=rzn unit)", "(gate=zrn unit)"),
        "bias=2 ",
        *GATED,
        Fixed("keras", "reset_after", True, "torch resets the state behind its product with the recurrent kernel"),
    ),
    _recurrent(
        "RNN",
        "SimpleRNN",
        ("unit", "unit"),
        "",
        Agreement(("mode",), ("activation",), same_nonlinearity),
        note=_SUMMED_BIASES,
    ),
)
