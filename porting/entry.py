"""Where the command ``porting`` starts: a package that it needs is missed here, before anything imports it."""

import pkgutil
import sys
from collections.abc import Mapping, Sequence
from typing import NoReturn

from porting.errors import PackageError
from porting.requirements import COMMAND_LINE, check_installed, not_found
from porting.version import __version__

Needs = Mapping[str, tuple[tuple[str, ...], str]]
"""A command -> the modules that it always needs beyond `COMMAND_LINE`, and the extra that brings all."""

NEEDS: Needs = {
    "write": (("torch", "ruff"), "write"),
    "plan": (("torch",), "convert"),
    "convert": (("torch",), "convert"),
    "export": (("torch",), "convert"),
    "demo": (("torch",), "convert"),
    "verify-training": (("torch",), "convert"),
}


def main() -> NoReturn:
    """Run the command ``porting``."""
    sys.exit(enter("porting", "porting.commands.cli:main", NEEDS))


def enter(program: str, target: str, needs: Needs) -> int:
    """Run a command line, where all that it needs is installed.

    Parameters
    ----------
    program : str
        What the command is called.
    target : str
        ``module:function`` of the command line itself.
    needs : mapping
        What its commands need.

    Returns
    -------
    int
        2 if a package is missing, which is said on standard error; what the command line exits with otherwise.
    """
    arguments = sys.argv[1:]
    if arguments == ["--version"]:
        sys.stdout.write(f"{program} {__version__}\n")
        return 0
    command = _command(arguments, needs)
    called = f"{program} {command}".strip()
    try:
        _check(called, needs.get(command, ((), "verify")), arguments)
        return pkgutil.resolve_name(target)()
    except ModuleNotFoundError as error:
        if not (missed := not_found(error, called)):
            raise
        message = missed
    except PackageError as error:
        message = error
    sys.stderr.write(f"Error: {message}\n")
    return 2


def _command(arguments: Sequence[str], needs: Needs) -> str:
    """Find the command, of one word or two, before which options may stand."""
    words = [word for word in arguments if not word.startswith("-")]
    known = (name for count in (2, 1) if (name := " ".join(words[:count])) in needs)
    return next(known, " ".join(words[:1]))


def _check(called: str, needed: tuple[tuple[str, ...], str], arguments: Sequence[str]) -> None:
    modules, extra = needed
    check_installed(COMMAND_LINE if "--help" in arguments else (*COMMAND_LINE, *modules), called, extra)
