"""Run a command line, and show what it says: results on standard output, mistakes on standard error."""

from contextvars import ContextVar
from typing import Any

import typer

from porting import foreign
from porting.errors import PortingError
from porting.foreign import Readable, readable

QUIET = ContextVar("quiet", default=False)
"""Whether the command that runs was told to say nothing but warnings and errors."""

WIDE = 200
"""Columns where the output is no terminal, so that a table's rows stay on their lines."""


def run(commands: typer.Typer, *expected: type[Exception]) -> int:
    """Run a command line and return its exit status; errors of `expected` types are the user's, too."""
    QUIET.set(False)
    try:
        return commands(standalone_mode=False) or 0
    except (PortingError, *expected) as error:
        complain(str(error))
    except typer.Exit as exit_:
        return exit_.exit_code
    except (KeyboardInterrupt, typer.Abort):
        complain("Interrupted. Nothing was changed.")
        return 130
    except SystemExit as error:
        complain(f"The code of the pair, or what it imports, ended the program: sys.exit({error.code!r}).")
    except Exception as error:
        if not hasattr(error, "format_message"):
            raise
        error.show()  # type: ignore[attr-defined]
    return 2


def be_quiet(wanted: bool) -> None:
    """Show nothing from here on; warnings and errors are still told."""
    QUIET.set(wanted)


def complain(message: str) -> None:
    """Say what is wrong, on standard error."""
    from rich.text import Text

    foreign.console(stderr=True, soft_wrap=True).print(Text.assemble(("Error: ", "bold red"), readable(message)))


def show(renderable: Any) -> None:
    """Show a table or a line, as it is but for what is no letter; nothing where the command is to be quiet."""
    if QUIET.get():
        return
    if isinstance(renderable, str):
        foreign.console(soft_wrap=True).print(readable(renderable))
    else:
        foreign.console().print(Readable(renderable))


def width() -> int:
    """Columns of the terminal."""
    from rich.console import Console

    return Console().width
