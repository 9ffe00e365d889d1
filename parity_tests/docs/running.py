"""A page's blocks as its reader runs them, in a folder of their own that holds the clone's checkpoints.

- `python`: run; all blocks of a page share their names.
- Any block whose first line is a comment with a file's name (``# theirs.py``): written to that file.
- `sh`: each command is run and ends with status 0, or with what its comment says: ``# exit status 1: FAIL``.
- `diff`: changes the file that was written last.
- `output`: its lines stand in what the block before it printed, in this order, whatever the numbers are.
- A cell of a notebook: as python, `%%sh` and `%%writefile` included.

The project's own commands run in the test's process, which has loaded the frameworks once for all pages.
"""

import importlib
import os
import re
import runpy
import shlex
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager, redirect_stderr, redirect_stdout
from dataclasses import dataclass, field
from io import StringIO
from pathlib import Path
from typing import Any

from parity_tests.docs.blocks import CELL, Block

REPOSITORY = Path(__file__).parents[2]
COMMANDS = {"porting": "porting.commands.cli", "finta": "finta.cli"}
NOT_RUN = frozenset({"text", "console"})
_FILE_NAME = re.compile(r"# ([\w./-]+\.\w+)$")
_STATUS = re.compile(r"#.*exit status (\d+)")
_OPERATORS = frozenset({"|", "||", "&&", ">", "<", ";"})
_NUMBER = re.compile(r"\d[\d.,]*(e[+-]\d+)?")


@dataclass(slots=True)
class Page:
    """What a page's blocks have made so far: names, the last file, and what was printed last."""

    names: dict[str, Any] = field(default_factory=lambda: {"__name__": "__main__"})
    written: Path | None = None
    printed: str = ""

    def run(self, block: Block) -> None:
        """Run one block; AssertionError names page and line where it does not do what the page says."""
        steps = {"python": self._python, "sh": self._sh, "diff": self._diff, "output": self._output, CELL: self._cell}
        if found := _FILE_NAME.match(block.code.partition("\n")[0]):
            self._write(found[1], block.code)
        elif block.language not in NOT_RUN:
            assert block.language in steps, f"{block.place}: nobody runs a block of {block.language!r}"
            steps[block.language](block)

    def _write(self, name: str, code: str) -> None:
        self.written = Path(name)
        self.written.parent.mkdir(parents=True, exist_ok=True)
        self.written.write_text(code)

    def _python(self, block: Block) -> None:
        forget_modules_of(Path.cwd())
        with captured() as printed:
            exec(compile("\n" * (block.line - 1) + block.code, block.page, "exec"), self.names)  # noqa: S102
        self.printed = printed.getvalue()

    def _sh(self, block: Block) -> None:
        self.printed = ""
        for command in _commands(block.code):
            status, printed = run_command(command)
            expected = int(found[1]) if (found := _STATUS.search(command)) else 0
            assert status == expected, f"{block.place}: {command}\nexit status {status}, not {expected}\n{printed}"
            self.printed += printed

    def _cell(self, block: Block) -> None:
        magic, _, body = block.code.partition("\n")
        if magic.startswith("%%sh"):
            self._sh(Block(block.page, block.line, "sh", body))
        elif magic.startswith("%%writefile"):
            self._write(magic.split()[1], body)
        else:
            self._python(block)

    def _diff(self, block: Block) -> None:
        assert self.written, f"{block.place}: no file was written before"
        lines = block.code.splitlines()
        before, after = ("\n".join(line[1:] for line in lines if line[:1] != sign) for sign in "+-")
        content = self.written.read_text()
        assert content.count(before) == 1, f"{block.place}: these lines do not stand once in {self.written}"
        self.written.write_text(content.replace(before, after))

    def _output(self, block: Block) -> None:
        printed = _words(self.printed)
        for line in (line for line in block.code.splitlines() if line.strip() not in ("", "...")):
            expected = _words(line)
            assert expected in printed, f"{block.place}: not in what was printed: {line}\n\n{self.printed}"
            printed = printed.partition(expected)[2]


def _words(text: str) -> str:
    return _NUMBER.sub("#", " ".join(text.split()))


def _commands(code: str) -> Iterator[str]:
    for line in code.replace("\\\n", " ").splitlines():
        if line.strip() and not line.lstrip().startswith("#"):
            yield line


def run_command(command: str) -> tuple[int, str]:
    """Run a line of a shell: its exit status and what it printed."""
    words = shlex.split(command, comments=True)
    if _needs_a_shell(words):
        paths = {"PYTHONPATH": str(REPOSITORY), "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}"}
        shell = ["sh", "-c", command]
        done = subprocess.run(shell, env=os.environ | paths, capture_output=True, text=True, check=False)
        return done.returncode, done.stdout + done.stderr
    forget_modules_of(Path.cwd())
    sys.argv = words
    with captured() as printed:
        status = _status_of(words)
    return status, printed.getvalue()


def _needs_a_shell(words: list[str]) -> bool:
    is_script = words[0] == "python" and not words[1].startswith("-")
    return bool(_OPERATORS & set(words)) or not (is_script or words[0] in COMMANDS)


def _status_of(words: list[str]) -> int:
    try:
        if words[0] == "python":
            sys.argv = words[1:]
            runpy.run_path(words[1], run_name="__main__")
        else:
            cli = importlib.import_module(COMMANDS[words[0]])
            return cli.run(cli.app)
    except SystemExit as ended:
        return ended.code if isinstance(ended.code, int) else int(bool(ended.code))
    return 0


@contextmanager
def captured() -> Iterator[StringIO]:
    """Keep what is printed, standard error included."""
    printed = StringIO()
    with redirect_stdout(printed), redirect_stderr(printed):
        yield printed


def forget_modules_of(folder: Path) -> None:
    """Import anew what lies in a folder, as a new process would: a page may have changed it."""
    importlib.invalidate_caches()
    for name, module in list(sys.modules.items()):
        if str(getattr(module, "__file__", None) or "").startswith(f"{folder}{os.sep}"):
            del sys.modules[name]
