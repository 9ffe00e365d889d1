"""Right ports that wrong axes or matches put wrong weights into."""

from parity_tests.porting.causes.fault import between, inside, plan, planted
from parity_tests.porting.causes.words import GATES, ORDER, TURNED

WRONG_PLANS = {
    "first kernel transposed": plan(
        "finta", inside("encod_conv1.1", TURNED), encod_conv1__1__weight="filter channel tap -> channel tap filter"
    ),
    "last kernel transposed": plan(
        "finta", inside("decod_conv6.1", TURNED), decod_conv6__1__weight="filter channel tap -> filter channel tap"
    ),
    "trained: first kernel transposed": plan(
        "finta trained",
        inside("encod_conv1.1", TURNED),
        encod_conv1__1__weight="filter channel tap -> channel tap filter",
    ),
    "Dense kernel not transposed": plan(
        "transformer", inside("query", TURNED), query__weight="unit feature -> unit feature"
    ),
    "multipliers before channels": plan(
        "separable",
        inside("depthwise", TURNED),
        depthwise__weight="(multiplier channel) 1 tap -> tap channel multiplier",
    ),
    "2-D multipliers before channels": plan(
        "classifier",
        inside("depthwise", TURNED),
        depthwise__weight="(multiplier channel) 1 row column -> row column channel multiplier",
    ),
    "rows for columns": plan(
        "decoder", inside("up2", TURNED), up2__weight="channel filter row column -> column row filter channel"
    ),
    "GRU gates not reordered": plan(
        "recurrent",
        inside("gru", GATES),
        gru__weight_ih_l0="(gate=rzn unit) feature -> feature (gate=rzn unit)",
        gru__weight_hh_l0="(gate=rzn unit) state -> state (gate=rzn unit)",
        gru__bias_ih_l0="bias=2 (gate=rzn unit) -> bias=2 (gate=rzn unit)",
    ),
    "GRU gates reordered in the bias only": plan(
        "recurrent",
        inside("gru", GATES),
        gru__weight_ih_l0="(gate=rzn unit) feature -> feature (gate=rzn unit)",
        gru__weight_hh_l0="(gate=rzn unit) state -> state (gate=rzn unit)",
    ),
    "LSTM kernel in the order i f o g": plan(
        "recurrent", inside("lstm", GATES), lstm__weight_ih_l0="(gate=ifgo unit) feature -> feature (gate=ifog unit)"
    ),
    "units before gates": plan(
        "recurrent", inside("lstm", TURNED), lstm__weight_ih_l0="(gate=4 unit) feature -> feature (unit gate)"
    ),
    "query paired with key": planted(
        "transformer",
        between("project", ORDER, "transposition missing"),
        matches={"query": "key", "key": "query", "value": "value"},
    ),
    "key paired with value": planted(
        "transformer", between("project", ORDER), matches={"query": "query", "key": "value", "value": "key"}
    ),
}
