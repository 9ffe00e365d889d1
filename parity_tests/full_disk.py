"""A disk that is full, for the writers of files."""

import resource
import signal
from contextlib import contextmanager


@contextmanager
def room_for(size):
    """Files may grow to a size: what a full disk does to their writers."""
    limits, handler = resource.getrlimit(resource.RLIMIT_FSIZE), signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    try:
        resource.setrlimit(resource.RLIMIT_FSIZE, (size, limits[1]))
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
        signal.signal(signal.SIGXFSZ, handler)
