"""Layers of sequences, (samples, points, features): recurrences, attention, transformers."""

from parity_tests.generated.grammar.dice import Dice, StepError
from parity_tests.generated.grammar.sketch import Sketch


def recurrence(dice: Dice, sketch: Sketch, x: str) -> None:
    """LSTM, GRU or RNN over the points; its outputs, its last one, or its last state."""
    value = sketch.values[x]
    kind = dice.pick(["LSTM", "GRU", "RNN"])
    units, layers, both = dice.pick([3, 4, 5]), dice.pick([1, 1, 2]), dice.chance(30)
    settings = (f", num_layers={layers}" if layers > 1 else "") + (", bidirectional=True" if both else "")
    settings += dice.settings(bias=[False]) + (dice.settings(dropout=[0.2]) if layers > 1 else "")
    settings += dice.settings(nonlinearity=["relu"]) if kind == "RNN" else ""
    first = not dice.chance(15)
    settings = (", batch_first=True" if first else "") + settings
    name = sketch.layer("rnn", f"nn.{kind}({value.shape[-1]}, {units}{settings})")
    given = x if first else f"{x}.transpose(0, 1)"
    shown = dice.pick(["outputs", "outputs", "last", "state"])
    state = "(state, cell)" if kind == "LSTM" else "state"
    if shown == "outputs":
        sketch.say(f"{x}, _ = self.{name}({given})", *([x] if first else []))
        if not first:
            sketch.say(f"{x} = {x}.transpose(0, 1)", x)
    elif shown == "last":
        sketch.say(f"outputs, _ = self.{name}({given})")
        sketch.say(f"{x} = outputs[:, -1]" if first else f"{x} = outputs[-1]", x)
    else:
        sketch.say(f"_, {state} = self.{name}({given})")
        sketch.say(
            f"{x} = {dice.pick(['state[-1]', 'state.transpose(0, 1).flatten(1)', 'torch.cat([*state], -1)'])}", x
        )


def cell(dice: Dice, sketch: Sketch, x: str) -> None:
    """A recurrence in a loop of one's own."""
    value = sketch.values[x]
    kind, units = dice.pick(["GRUCell", "RNNCell", "LSTMCell"]), dice.pick([3, 4])
    name = sketch.layer("cell", f"nn.{kind}({value.shape[-1]}, {units})")
    if kind == "LSTMCell":
        sketch.say(f"state = {x}.new_zeros({x}.shape[0], {units}), {x}.new_zeros({x}.shape[0], {units})")
    else:
        sketch.say(f"state = {x}.new_zeros({x}.shape[0], {units})")
    sketch.say("states = []")
    sketch.say(f"for point in {x}.unbind(1):\n            state = self.{name}(point, state)\n"
               f"            states.append(state{'[0]' if kind == 'LSTMCell' else ''})")  # fmt: skip
    sketch.say(f"{x} = torch.stack(states, 1)", x)


def _heads(dice: Dice, width: int) -> int:
    return dice.pick([count for count in (1, 2, 4, 3) if width % count == 0])


def _mask(dice: Dice, sketch: Sketch, points: int) -> str:
    """No mask mostly; one that hides what comes, by numbers or by truth values."""
    kind = dice.pick(["none", "none", "causal", "numbers"])
    if kind == "none":
        return ""
    made = f"torch.ones({points}, {points}, dtype=torch.bool).triu(1)"
    if kind == "numbers":
        made = f"nn.Transformer.generate_square_subsequent_mask({points})"
    sketch.own(f"self.register_buffer('mask', {made}{', persistent=False' if dice.chance(30) else ''})")
    return "self.mask"


def attention(dice: Dice, sketch: Sketch, x: str) -> None:
    """MultiheadAttention of a sequence with itself."""
    width, points = sketch.values[x].shape[-1], sketch.values[x].shape[1]
    settings = dice.settings(dropout=[0.1], bias=[False])
    name = sketch.layer("attn", f"nn.MultiheadAttention({width}, {_heads(dice, width)}{settings}, batch_first=True)")
    mask = _mask(dice, sketch, points)
    given = f", attn_mask={mask}" if mask else ""
    shares = dice.chance(20)
    given += dice.settings(need_weights=[False]) if not shares else ""
    sketch.say(f"{x}, {'shares' if shares else '_'} = self.{name}({x}, {x}, {x}{given})", x)
    if shares:
        sketch.say(f"{x} = {x} + shares.amax(-1, keepdim=True)", x)


def transformer_layer(dice: Dice, sketch: Sketch, x: str) -> None:
    """TransformerEncoderLayer, alone or stacked."""
    width, points = sketch.values[x].shape[-1], sketch.values[x].shape[1]
    settings = dice.settings(norm_first=[True], activation=["gelu"], dropout=[0.0], layer_norm_eps=[1e-3], bias=[False])
    layer = (
        f"nn.TransformerEncoderLayer({width}, {_heads(dice, width)}, {dice.pick([8, 6])}{settings}, batch_first=True)"
    )
    if dice.chance(40):
        norm = f", norm=nn.LayerNorm({width})" if dice.chance(40) else ""
        layer = f"nn.TransformerEncoder({layer}, {dice.pick([1, 2])}{norm}, enable_nested_tensor=False)"
    name = sketch.layer("encoder", layer)
    mask = _mask(dice, sketch, points)
    sketch.say(f"{x} = self.{name}({x}{', ' + mask if mask else ''})", x)


def decoder_layer(dice: Dice, sketch: Sketch, x: str) -> None:
    """TransformerDecoderLayer, that looks at another sequence."""
    width = sketch.values[x].shape[-1]
    settings = dice.settings(norm_first=[True], activation=["gelu"])
    name = sketch.layer(
        "decoder", f"nn.TransformerDecoderLayer({width}, {_heads(dice, width)}, 8{settings}, batch_first=True)"
    )
    memory = dice.pick([f"{x}[:, 1:]", f"{x}.tanh()"])
    sketch.say(f"{x} = self.{name}({x}, {memory})", x)


def own_attention(dice: Dice, sketch: Sketch, x: str) -> None:
    """Attention as authors write it: q, k, v by one layer or three, by products or by torch's function."""
    width = sketch.values[x].shape[-1]
    heads = _heads(dice, width)
    if dice.chance(50):
        name = sketch.layer("qkv", f"nn.Linear({width}, {3 * width}{dice.settings(bias=[False])})")
        sketch.say(f"q, k, v = self.{name}({x}).chunk(3, dim=-1)")
    else:
        names = [sketch.layer(part, f"nn.Linear({width}, {width})") for part in ("query", "key", "value")]
        sketch.say("q, k, v = " + ", ".join(f"self.{name}({x})" for name in names))
    if heads > 1:
        sketch.say(f"q, k, v = (t.unflatten(-1, ({heads}, -1)).transpose(1, 2) for t in (q, k, v))")
    if dice.chance(50):
        causal = dice.settings(is_causal=[True])
        sketch.say(f"{x} = F.scaled_dot_product_attention(q, k, v{causal})", x)
    else:
        sketch.say(f"scores = q @ k.transpose(-2, -1) / math.sqrt({width // heads})")
        if dice.chance(40):
            points = sketch.values[x].shape[1]
            sketch.say(f"scores = scores.masked_fill(torch.ones({points}, {points}).tril() == 0, float('-inf'))")
        sketch.say(f"{x} = scores.softmax(-1) @ v", x)
    if heads > 1:
        sketch.say(f"{x} = {x}.transpose(1, 2).flatten(2)", x)


SEQUENCES = [recurrence, recurrence, attention, transformer_layer, own_attention, own_attention, cell, decoder_layer]


def sequence_step(dice: Dice, sketch: Sketch, x: str) -> None:
    """A layer of a sequence."""
    value = sketch.values[x]
    if value.ndim != 3 or value.shape[-1] < 4:
        raise StepError("no sequence")
    dice.pick(SEQUENCES)(dice, sketch, x)
