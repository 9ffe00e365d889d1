"""The table of rules as a page: which torch layer becomes which Keras layer, how each tensor moves, what is judged."""

from collections.abc import Iterator

from porting.rules.settings import Agreement, Declared, Equal, Fixed, Required, Setting
from porting.rules.table import LAYER_RULES, LayerRule

from generated_pages.text import code, dropdown, escaped, table

_SIDES = {"torch": "torch's", "keras": "Keras'"}


def markdown() -> str:
    """An overview, then a section for each row of the table."""
    overview = table(
        ("torch", "Keras", "tensors"),
        ((code(rule.reference), code(rule.port), _moves(rule)) for rule in LAYER_RULES),
    )
    return "\n\n".join([f"{len(LAYER_RULES)} rows.", overview, *(_section(rule) for rule in LAYER_RULES)])


def _moves(rule: LayerRule) -> str:
    return ", ".join(f"{words} → {variable}" for words, (variable, _) in rule.tensors.items()).replace("_", r"\_")


def _section(rule: LayerRule) -> str:
    return "\n\n".join(filter(None, _parts(rule)))


def _parts(rule: LayerRule) -> Iterator[str]:
    yield f"## {rule.reference} → {rule.port}"
    yield table(
        ("torch", "Keras", "axes"),
        (
            (code(words), code(variable), "<br>".join(map(code, patterns)))
            for words, (variable, patterns) in rule.tensors.items()
        ),
    )
    yield f"Activation: {code(rule.activation)}" + (f"; output: {code(rule.output)}" if rule.output else "") + "."
    yield f"{escaped(rule.note[:1].upper() + rule.note[1:])}." if rule.note else ""
    judged = [line for setting in rule.settings if (line := _judged(setting))]
    yield "\n".join(f"- {line}" for line in judged)
    yield dropdown("Settings that need no check of their own", "\n".join(map(_declared, _declarations(rule))))


def _judged(setting: Setting) -> str:
    """How a setting is judged, in a line; empty for those that need no check."""
    match setting:
        case Equal():
            formula = f" is {setting.formula}" if setting.formula else ""
            line = f"{code(setting.reference)} in torch = {code(setting.port)} in Keras{formula}"
        case Fixed():
            value = f"must be {code(str(setting.value))}"
            line = f"{_SIDES[setting.side]} {code(setting.name)} {value}: {escaped(setting.remedy)}"
        case Required():
            value = f"must be {code(str(setting.value))}, or nothing is compared"
            line = f"torch's {code(setting.name)} {value}: {escaped(setting.remedy)}"
        case Agreement():
            line = f"{', '.join(map(code, (*setting.reference, *setting.port)))}: judged together"
        case _:
            return ""
    return line + (" *(training)*" if setting.in_training else "")


def _declarations(rule: LayerRule) -> list[Declared]:
    return [setting for setting in rule.settings if isinstance(setting, Declared)]


def _declared(setting: Declared) -> str:
    names = [f"torch's {', '.join(map(code, setting.reference))}"] if setting.reference else []
    names += [f"Keras' {', '.join(map(code, setting.port))}"] if setting.port else []
    return f"- {' and '.join(names)}: {escaped(setting.why)}"
