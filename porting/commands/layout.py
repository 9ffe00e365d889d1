"""How a command line is laid out: help that cuts no word at any width, options in groups, examples, quietness.

Of typer's private copy of click nothing is imported: the objects that its methods are handed are enough.
"""

import re
from collections import defaultdict
from collections.abc import Sequence
from difflib import get_close_matches
from typing import Any

import typer
from typer.core import TyperCommand, TyperGroup, TyperOption

from porting.commands.console import be_quiet

QUIET = "Say nothing but warnings and errors; the exit status tells the verdict."
FIRST_GROUP = "Options"


def command_line(help_text: str, *, epilog: str | None = None, name: str | None = None) -> typer.Typer:
    """Make a command line, or a group of commands, to which `add` adds commands."""
    return typer.Typer(
        name=name,
        cls=Group,
        help=help_text,
        epilog=epilog,
        no_args_is_help=True,
        add_completion=name is None,
        pretty_exceptions_enable=False,
        rich_markup_mode=None,
    )


def add(
    app: typer.Typer, command: Any, *examples: str, name: str | None = None, context: dict[str, Any] | None = None
) -> None:
    """Add a command, whose help ends in examples; `context` are settings of click's."""
    lines = "\n".join(f"  {example}" for example in examples)
    app.command(name, cls=Command, epilog=f"Example:\n{lines}", context_settings=context)(command)


class _Laid:
    """What commands and groups of commands have in common."""

    epilog: str | None

    def format_options(self, ctx: Any, formatter: Any) -> None:
        """List the arguments, then the options, group by group."""
        groups: dict[str, list[tuple[str, str]]] = defaultdict(list)
        for param in self.get_params(ctx):  # type: ignore[attr-defined]
            if record := param.get_help_record(ctx):
                is_argument = param.param_type_name == "argument"
                own = "Arguments" if is_argument else FIRST_GROUP
                named = (record[0].partition(" <")[0], record[1]) if is_argument else record
                groups[getattr(param, "rich_help_panel", None) or own].append(named)
        for name in sorted(groups, key=lambda name: (name != "Arguments", name != FIRST_GROUP)):
            with formatter.section(name):
                formatter.write_dl(groups[name])

    def collect_usage_pieces(self, ctx: Any) -> list[str]:
        """Write arguments as the commands name them, where typer has ``{FILE...}...``."""
        return [re.sub(r"^\{(.*)\}(\.\.\.)?$", r"\1", piece) for piece in super().collect_usage_pieces(ctx)]  # type: ignore[misc]

    def format_epilog(self, ctx: Any, formatter: Any) -> None:
        """Write the examples line by line, as they are to be typed."""
        for line in (self.epilog or "").splitlines():
            if line.startswith("  "):
                formatter.write(_folded(line, formatter.width))
            else:
                formatter.write_paragraph()
                formatter.write_text(line)

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """Say of a mistyped option which was meant."""
        try:
            return super().parse_args(ctx, args)  # type: ignore[misc]
        except Exception as error:
            if name := getattr(error, "option_name", None) if type(error).__name__ == "NoSuchOption" else None:
                error.possibilities = None  # type: ignore[attr-defined]
                error.message = f"No such option: {name}.{_meant(name, self._names(ctx))}"  # type: ignore[attr-defined]
            raise

    def _names(self, ctx: Any) -> list[str]:
        return [name for param in self.get_params(ctx) for name in (*param.opts, *param.secondary_opts)]  # type: ignore[attr-defined]


class Command(_Laid, TyperCommand):
    """A command; each has ``--quiet``."""

    def __init__(self, name: str | None, **settings: Any) -> None:
        super().__init__(name, **settings)
        self.params.append(_quiet_option())

    def invoke(self, ctx: Any) -> Any:
        """Run the command; typer would say nothing of an interruption."""
        try:
            return super().invoke(ctx)
        except KeyboardInterrupt as error:
            raise typer.Abort from error


class Group(_Laid, TyperGroup):
    """Commands under one name."""

    def format_options(self, ctx: Any, formatter: Any) -> None:
        """List the options, then the commands."""
        super().format_options(ctx, formatter)
        self.format_commands(ctx, formatter)

    def format_commands(self, ctx: Any, formatter: Any) -> None:
        """List the commands with the whole first sentence of each."""
        with formatter.section("Commands"):
            formatter.write_dl([(name, held.get_short_help_str(10_000)) for name, held in self.commands.items()])


def _quiet_option() -> TyperOption:
    template = typer.Typer(rich_markup_mode=None)

    def quiet(quiet: bool = typer.Option(False, "--quiet", "-q", help=QUIET, callback=be_quiet)) -> None: ...

    template.command()(quiet)
    option = next(param for param in typer.main.get_command(template).params if param.name == "quiet")
    option.expose_value = False
    return option  # type: ignore[return-value]


def _meant(name: str, names: Sequence[str]) -> str:
    close = get_close_matches(name, [known for known in names if known.startswith("--")], 2)
    return f" Did you mean {' or '.join(close)}?" if close else ""


def _folded(line: str, width: int) -> str:
    """A command on as many lines as it needs, each but the last ending in a backslash."""
    indent = line[: len(line) - len(line.lstrip())]
    rows, row = [], indent
    for word in re.findall(r"--?\S+ [^-\s]\S*|\S+", line):  # an option and its value stay together
        if row.strip() and len(row) + len(word) + 3 > width:
            rows.append(row)
            row = f"{indent}  "
        row += f" {word}" if row.strip() else word
    return " \\\n".join((*rows, row)) + "\n"
