"""Rows of recurrent cells, which a model steps through time itself."""

from porting.rules.layers.recurrences import GATED, biases, same_nonlinearity
from porting.rules.rule import SAME_ORDER, LayerRule
from porting.rules.settings import Agreement, Declared, Fixed, Setting
from porting.rules.shared_settings import by_sizes, trained


def _cell(kind: str, port: str, units: tuple[str, str], bias: str, *settings: Setting, note: str = "") -> LayerRule:
    ours, theirs = units
    return LayerRule(
        kind,
        port,
        {
            "weight_ih": ("kernel", (f"{ours} feature -> feature {theirs}",)),
            "weight_hh": ("recurrent_kernel", (f"{ours} state -> state {theirs}",)),
            "bias_ih bias_hh": ("bias", biases(ours, bias, theirs)),
        },
        (
            Fixed("keras", "dropout", 0.0, "drop in a layer of its own", True),
            Fixed("keras", "recurrent_dropout", 0.0, "torch drops nothing between steps", True),
            Declared("of dropout only", port=("seed",), in_training=True),
            Declared("matters before training only", port=("unit_forget_bias",), in_training=True),
            Declared("how it is computed, not what", port=("implementation",)),
            by_sizes("input_size hidden_size bias", "units use_bias"),
            *settings,
            *trained("kernel", "recurrent", "bias"),
        ),
        activation=SAME_ORDER,
        note=note,
    )


_SUMMED = "Keras has one bias, the sum of torch's two: it comes back in bias_ih, and zeros in bias_hh"

CELLS = (
    _cell("LSTMCell", "LSTMCell", ("(gate=ifgo unit)", "(gate=ifgo unit)"), "", *GATED, note=_SUMMED),
    _cell(
        "GRUCell",
        "GRUCell",
        ("(gate=rzn unit)", "(gate=zrn unit)"),
        "bias=2 ",
        *GATED,
        Fixed("keras", "reset_after", True, "torch resets the state behind its product with the recurrent kernel"),
    ),
    _cell(
        "RNNCell",
        "SimpleRNNCell",
        ("unit", "unit"),
        "",
        Agreement(("nonlinearity",), ("activation",), same_nonlinearity),
        note=_SUMMED,
    ),
)
