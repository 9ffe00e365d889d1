"""The table of rules as a page: which torch layer becomes which Keras layer, how each tensor moves, what is judged."""

from collections.abc import Iterator, Sequence

from generated_pages.text import code, dropdown, escaped, table
from porting.rules.settings import Agreement, Declared, Equal, Fixed, Required, Setting
from porting.rules.table import LAYER_RULES, SEEN_THROUGH, LayerRule

_SIDES = {"torch": "torch's", "keras": "Keras'"}


def markdown() -> str:
    """An overview, then a section for each row of the table."""
    overview = table(
        ("torch", "Keras", "tensors"),
        ((code(rule.reference), code(rule.port), _moves(rule)) for rule in LAYER_RULES),
    )
    through = table(
        ("torch's or Keras'", "is run, moved and compared as"),
        ((code(name), what) for name, what in SEEN_THROUGH.items()),
    )
    lines = [f"{len(LAYER_RULES)} rows.", overview, "These are several layers, and are seen through:", through]
    return "\n\n".join([*lines, *(_section(rule) for rule in LAYER_RULES)])


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
    yield "\n".join(f"- {line}" for line in _judged(rule.settings))
    yield dropdown("Settings that need no check of their own", "\n".join(map(_declared, _declarations(rule))))


def _judged(settings: Sequence[Setting]) -> Iterator[str]:
    """How each setting is judged, in a line; those of one kind and one reason together."""
    lines: dict[tuple[str, str], list[str]] = {}
    for setting in settings:
        if told := _told(setting):
            whose, names, how = told
            lines.setdefault((whose, how + (" *(training)*" if setting.in_training else "")), []).append(names)
    return (f"{whose} {', '.join(names)} {how}".strip() for (whose, how), names in lines.items())


def _told(setting: Setting) -> tuple[str, str, str] | None:
    """Whose setting it is, its name, and how it is judged; nothing for those that need no check."""
    match setting:
        case Equal():
            formula = f" is {setting.formula}" if setting.formula else ""
            return "", code(setting.reference), f"in torch = {code(setting.port)} in Keras{formula}"
        case Fixed():
            how = f"must be {code(str(setting.value))}: {escaped(setting.remedy)}"
            return _SIDES[setting.side], code(setting.name), how
        case Required():
            how = f"must be {code(str(setting.value))}, or nothing is compared: {escaped(setting.remedy)}"
            return _SIDES["torch"], code(setting.name), how
        case Agreement():
            return "", ", ".join(map(code, (*setting.reference, *setting.port))), "judged together"
        case _:
            return None


def _declarations(rule: LayerRule) -> list[Declared]:
    return [setting for setting in rule.settings if isinstance(setting, Declared)]


def _declared(setting: Declared) -> str:
    names = [f"torch's {', '.join(map(code, setting.reference))}"] if setting.reference else []
    names += [f"Keras' {', '.join(map(code, setting.port))}"] if setting.port else []
    return f"- {' and '.join(names)}: {escaped(setting.why)}"
