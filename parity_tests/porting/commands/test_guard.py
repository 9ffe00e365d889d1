"""Whoever writes a pair's code, a status of 0 is a PASS and nothing else."""

import json
import os
import signal
import subprocess
import sys
import time

import pytest

from porting.evidence.certificates import certificate_path

LEAVING = """
import os, sys
from porting import ModelPair
def leave(*arguments, **keywords):
    {how}
{at_import}
PAIR = ModelPair(name="leaving", reference=leave, port=leave)
"""


def porting(folder, *arguments):
    command = [sys.executable, "-m", "porting", *map(str, arguments)]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)


BUILT, IMPORTED = "", "leave()"
LEAVINGS = [
    ("os._exit(0)", BUILT),
    ("os._exit(0)", IMPORTED),
    ("raise SystemExit", IMPORTED),
    pytest.param("sys.exit(0)", BUILT, marks=pytest.mark.slow),
]


@pytest.mark.parametrize(("how", "at_import"), LEAVINGS)
def test_a_pair_that_ends_the_process_is_an_error(how, at_import, small_checkpoint, tmp_path):
    (tmp_path / "leaving.py").write_text(LEAVING.format(how=how, at_import=at_import))
    done = porting(tmp_path, "convert", small_checkpoint, "-o", tmp_path / "out", "--pair", "leaving:PAIR")
    assert done.returncode == 2, done
    assert done.stderr.startswith("Error: ")
    assert "Traceback" not in done.stderr
    assert sorted(path.name for path in tmp_path.iterdir() if path.suffix not in ("", ".py")) == []


SLEEPING = """
import sys, time
from porting.commands.guard import guarded
def job():
    print("begun", flush=True)
    time.sleep(60)
    return 0
sys.exit(guarded(job, print))
"""


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGKILL, signal.SIGHUP])
def test_a_signal_ends_both_processes_as_it_would_end_one(number):
    process = subprocess.Popen([sys.executable, "-c", SLEEPING], stdout=subprocess.PIPE, text=True)
    assert process.stdout.readline() == "begun\n"
    process.send_signal(number)
    started = time.monotonic()
    assert process.stdout.read() == ""  # the pipe is closed when the child is gone, too
    assert process.wait() == -number
    assert time.monotonic() - started < 30
    process.stdout.close()


@pytest.mark.parametrize(("code", "status"), [("return 3", 3), ("return 0", 0), ("os._exit(0)", 2), ("os._exit(7)", 7)])
def test_the_status_is_the_job_s_own(code, status):
    script = (
        f"import os, sys\nfrom porting.commands.guard import guarded\ndef job(): {code}\nsys.exit(guarded(job, print))"
    )
    assert subprocess.run([sys.executable, "-c", script], check=False, capture_output=True).returncode == status


def test_a_certificate_never_makes_the_tool_import_a_module(small_port, tmp_path):
    for path in small_port.parent.iterdir():
        (tmp_path / path.name).write_bytes(path.read_bytes())
    certificate = json.loads(certificate_path(tmp_path / "small.keras").read_text())
    certificate_path(tmp_path / "small.keras").write_text(json.dumps(certificate | {"pair": "helper:X"}))
    (tmp_path / "helper.py").write_text("open('ran', 'w')\n")
    for command in (["verify", "small.keras"], ["export", "small.keras", "-o", "back.pt"]):
        done = porting(tmp_path, *command)
        assert done.returncode == 2, done
        assert "--pair helper:X" in done.stderr
    assert not os.path.exists(tmp_path / "ran")
