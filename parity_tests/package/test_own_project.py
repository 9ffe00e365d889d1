"""A project of a user's own, with the names that such projects have."""

import os
import subprocess
import sys
from pathlib import Path

REPOSITORY = Path(__file__).parents[2]

RUN = """
import sys
from porting.entry import main
for command in {commands!r}:
    sys.argv = ["porting", *command]
    try:
        main()
    except SystemExit as exit_:
        if exit_.code:
            sys.exit(f"{{command}}: {{exit_.code}}")
print("all done")
"""


def test_a_folder_and_a_module_called_checkpoints_are_nobodys_concern(small_checkpoint, tmp_path):
    for taken in (tmp_path / "checkpoints.py", tmp_path / "checkpoints" / "__init__.py"):
        taken.parent.mkdir(exist_ok=True)
        taken.write_text("raise RuntimeError('imported by accident')\n")
    mine = tmp_path / "checkpoints" / "net.pt"
    mine.write_bytes(small_checkpoint.read_bytes())
    commands = [
        ["convert", "checkpoints/net.pt", "--output", "checkpoints/"],
        ["inspect", "checkpoints/net.keras"],
    ]
    code = RUN.format(commands=commands)
    environment = os.environ | {"PYTHONPATH": f"{tmp_path}{os.pathsep}{REPOSITORY}"}
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=tmp_path, env=environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout.endswith("all done\n")
    assert done.stdout.count("PASS: the port computes") == 1
    assert {path.name for path in mine.parent.glob("net*")} == {
        "net.pt",
        "net.keras",
        "net.certificate.json",
        "net.golden.h5",
    }
