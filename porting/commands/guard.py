"""Run a command in a process of its own, so that a status of 0 is only ever given by the code that holds a PASS.

A pair is anybody's code: ``sys.exit(0)`` or ``os._exit(0)`` in it would end the command with the status of a PASS.
"""

import atexit
import ctypes
import os
import signal
import sys
import threading
from collections.abc import Callable
from typing import NoReturn

_FORWARDED = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
_FRAMEWORKS = {"torch", "tensorflow", "jax", "keras"}
_PARENT_DEATH_SIGNAL = 1
"""Of Linux' prctl."""


def guarded(job: Callable[[], int], complain: Callable[[str], None]) -> int:
    """Run a job in a child process, which tells its status at its end.

    In this one where the system cannot fork, or must not: a framework that is loaded has threads, which a child lacks.

    Returns
    -------
    int
        The job's status; 2 where the process ended with 0 before the job did, which `complain` is told.
    """
    if sys.platform != "linux" or threading.active_count() > 1 or _FRAMEWORKS & sys.modules.keys():
        return job()
    told, tell = os.pipe()
    parent = os.getpid()
    if not (child := os.fork()):
        os.close(told)
        _child(job, tell, parent)
    os.close(tell)
    for number in _FORWARDED:  # the child has a process group of its own, so that a Ctrl-C reaches it once
        signal.signal(number, lambda number, _: _send(child, number))
    status = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    if status < 0:
        signal.signal(-status, signal.SIG_DFL) if -status != signal.SIGKILL else None
        os.kill(parent, -status)
    if status == 0 and os.read(told, 1) != b"\0":
        complain("The code of the pair, or what it imports, ended the process before there was a verdict.")
        return 2
    return status


def _child(job: Callable[[], int], tell: int, parent: int) -> NoReturn:
    """Do the job, tell its status, and leave: the caller's code goes on in the parent alone."""
    os.setpgid(0, 0)
    ctypes.CDLL(None).prctl(_PARENT_DEATH_SIGNAL, signal.SIGKILL)
    if os.getppid() != parent:
        os._exit(2)
    status = 1
    try:
        status = job()
        os.write(tell, bytes([status]))
    except BaseException:
        sys.excepthook(*sys.exc_info())  # type: ignore[arg-type]
    finally:
        atexit._run_exitfuncs()
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(status)


def _send(process: int, number: int) -> None:
    os.kill(process, number)
