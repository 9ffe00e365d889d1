"""A command line as a page: each command with its synopsis, arguments and options, as it tells of itself."""

import inspect
from collections.abc import Iterator
from typing import Any

from typer.main import get_command

from generated_pages.text import escaped
from porting.pairs import resolve


def markdown(name: str) -> str:
    """All commands of ``module:APP``, in the order in which they were given to it."""
    app = get_command(resolve(name))
    return "\n\n".join(_command(app, app.context_class(app, info_name=name.partition(".")[0]), level=1))


def _command(command: Any, context: Any, level: int) -> Iterator[str]:
    if level > 1:
        yield f"{'#' * level} `{context.command_path}`"
    yield _paragraphs(command.help)
    yield f"```console\n$ {command.get_usage(context).removeprefix('Usage: ').strip()}\n```"
    for title, kind in (("Arguments", "argument"), ("Options", "option")):
        entries = [_entry(parameter, context) for parameter in _shown(command) if parameter.param_type_name == kind]
        if entries:
            yield "\n\n".join([f"**{title}**", *entries])
    if command.epilog:
        yield _paragraphs(command.epilog)
    for name, inner in getattr(command, "commands", {}).items():
        if not inner.hidden:
            yield from _command(inner, inner.context_class(inner, info_name=name, parent=context), level + 1)


def _shown(command: Any) -> list[Any]:
    """Every parameter but the hidden ones; `--help` is told of once, for all."""
    return [parameter for parameter in command.params if not parameter.hidden]


def _entry(parameter: Any, context: Any) -> str:
    names, told = parameter.get_help_record(context)
    return f"`{names}`\n: {escaped(' '.join(told.split())) or '...'}"


def _paragraphs(text: str | None) -> str:
    """Help as paragraphs; what it marks as laid out, or indents, stays as it stands."""
    paragraphs = inspect.cleandoc(text or "").split("\n\n")
    return "\n\n".join(_laid_out(paragraph) or escaped(paragraph) for paragraph in paragraphs)


def _laid_out(paragraph: str) -> str:
    lines = paragraph.splitlines()
    if lines[:1] == ["\b"]:
        return "\n".join(["```text", *lines[1:], "```"])
    return "\n".join(["```text", *lines, "```"]) if lines and all(line.startswith("    ") for line in lines) else ""
