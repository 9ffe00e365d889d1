"""Every error of a package: what it means, what to do, and the messages that it is raised with."""

import ast
import importlib
import re
from collections.abc import Iterator
from pathlib import Path

from generated_pages.text import dropdown, escaped


def markdown(package: str) -> str:
    """The errors of ``PACKAGE.errors``, each below the one that it is a kind of."""
    module = importlib.import_module(f"{package}.errors")
    found = [one for one in vars(module).values() if isinstance(one, type) and one.__module__ == module.__name__]
    messages = _messages(Path(module.__file__ or "").parent)
    return "\n\n".join(_section(one, messages.get(one.__name__, [])) for one in found)


def _section(error: type, messages: list[str]) -> str:
    kind = error.__bases__[0].__name__
    told = (error.__doc__ or "").split("\n\n    Examples\n")[0]
    paragraphs = [escaped(" ".join(part.split())) for part in told.split("\n\n")]
    listed = "\n".join(f"- {escaped(message)}" for message in dict.fromkeys(messages))
    below = [dropdown(f"Messages ({len(set(messages))})", listed)] if messages else []
    return "\n\n".join([f"### {error.__name__}", f"*a kind of {kind}*", *paragraphs, *below])


def _messages(folder: Path) -> dict[str, list[str]]:
    """Messages of every ``raise`` below a folder, by the name of the error, with ``<what>`` where a value stands."""
    found: dict[str, list[str]] = {}
    for file in sorted(folder.rglob("*.py")):
        for node in ast.walk(ast.parse(file.read_text())):
            if isinstance(node, ast.Raise) and isinstance(node.exc, ast.Call) and isinstance(node.exc.func, ast.Name):
                found.setdefault(node.exc.func.id, []).extend(_template(node.exc.args))
    return found


def _template(arguments: list[ast.expr]) -> Iterator[str]:
    """The text of a message; nothing where it is put together elsewhere."""
    if arguments and (text := _text(arguments[0])) and re.search(r"[a-z]{3}.* ", re.sub("<[^>]*>", "", text)):
        yield " ".join(text.split())


def _text(expression: ast.expr) -> str:
    match expression:
        case ast.Constant(value=str(value)):
            return value
        case ast.JoinedStr(values=values):
            return "".join(map(_text, values))
        case ast.BinOp(left=left, right=right, op=ast.Add()):
            return _text(left) + _text(right)
        case ast.FormattedValue(value=value):
            return f"<{_placeholder(value)}>"
        case _:
            return ""


def _placeholder(expression: ast.expr) -> str:
    """What a value is called where it is put in, in words; an ellipsis where that is no plain name."""
    names = {"first_line": "reason", "reason_of": "reason"}
    match expression:
        case ast.Name(id=name) | ast.Attribute(attr=name):
            return name.strip("_").replace("_", " ")
        case ast.Call(func=ast.Name(id=name)) if name in names:
            return names[name]
        case _:
            return "..."
