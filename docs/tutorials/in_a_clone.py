"""Where a tutorial runs: an empty folder that holds the clone's checkpoints, with the commands on the path."""

import os
import subprocess
import sys
import tempfile
from pathlib import Path

CHECKPOINTS = Path(__file__).parents[2] / "checkpoints"


def start() -> None:
    """Move there; in a notebook, let a cell of commands print what it has to say at once, in black and white."""
    os.environ["PATH"] = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    os.environ |= {"TF_CPP_MIN_LOG_LEVEL": "3", "TF_ENABLE_ONEDNN_OPTS": "0"}  # or TensorFlow logs how it starts
    for forced in ("FORCE_COLOR", "CLICOLOR_FORCE"):
        os.environ.pop(forced, None)
    os.chdir(tempfile.mkdtemp())
    Path("checkpoints").symlink_to(CHECKPOINTS)
    if "IPython" in sys.modules and (shell := sys.modules["IPython"].get_ipython()):
        shell.register_magic_function(run_commands, "cell", "sh")


def run_commands(line: str, cell: str) -> None:
    """Run a cell of commands; IPython's own prints it in pieces of 100 characters, which end as lines of the page."""
    shell = ["/bin/sh", "-ec", cell]
    done = subprocess.run(shell, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False)  # noqa: S603
    print("\n".join(line.rstrip() for line in done.stdout.splitlines()))
    if done.returncode and (done.returncode, line) != (1, "--no-raise-error"):  # 1 is FAIL
        raise RuntimeError(f"exit status {done.returncode}")
