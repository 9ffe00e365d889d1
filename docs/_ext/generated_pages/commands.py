"""A command line as a page: each command with its synopsis, arguments, options and examples, as it tells of itself."""

from collections.abc import Iterator
from itertools import groupby
from typing import Any

from typer.main import get_command

from generated_pages.text import escaped
from porting.pairs.finding import resolve


def markdown(name: str) -> str:
    """All commands of ``module:APP``, in the order in which they were given to it."""
    app = get_command(resolve(name))
    return "\n\n".join(_command(app, app.context_class(app, info_name=name.partition(".")[0]), level=1))


def _command(command: Any, context: Any, level: int) -> Iterator[str]:
    inner = {name: each for name, each in getattr(command, "commands", {}).items() if not each.hidden}
    parameters = [parameter for parameter in command.params if not parameter.hidden]
    if level > 1:
        yield f"{'#' * level} `{context.command_path}`"
    yield _text(command.help)
    yield f"```text\n{_synopsis(parameters, context, bool(inner))}\n```"
    yield from _groups(parameters, context)
    yield _text(command.epilog)
    for name, each in inner.items():
        yield from _command(each, each.context_class(each, info_name=name, parent=context), level + 1)


def _synopsis(parameters: list[Any], context: Any, has_commands: bool) -> str:
    arguments = (parameter for parameter in parameters if parameter.param_type_name == "argument")
    words = [context.command_path, "[OPTIONS]", *map(_placeholder, arguments)]
    return " ".join([*words, "COMMAND ..."] if has_commands else words)


def _placeholder(argument: Any) -> str:
    return argument.metavar or argument.name.upper() + ("..." if argument.nargs != 1 else "")


def _groups(parameters: list[Any], context: Any) -> Iterator[str]:
    """Arguments, then the options, group by group as in ``--help``."""

    def group(parameter: Any) -> str:
        own = "Arguments" if parameter.param_type_name == "argument" else "Options"
        return getattr(parameter, "rich_help_panel", None) or own

    ordered = sorted(parameters, key=lambda each: (group(each) != "Arguments", group(each) != "Options", group(each)))
    for name, members in groupby(ordered, group):
        yield "\n\n".join([f"**{name}**", *(_entry(each, context) for each in members)])


def _entry(parameter: Any, context: Any) -> str:
    names, told = parameter.get_help_record(context)
    return f"`{names}`\n: {escaped(' '.join(told.split())) or '...'}"


def _text(text: str | None) -> str:
    """Paragraphs; lines that are indented are commands, as they are to be typed."""
    parts = []
    for is_typed, lines in groupby((text or "").splitlines(), lambda line: line.startswith("  ")):
        told = "\n".join(f"$ {line.strip()}" if is_typed else line for line in lines)
        parts.append(f"```console\n{told}\n```" if is_typed else escaped(told))
    return "\n\n".join(parts)
