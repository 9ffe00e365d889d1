"""What happens while Keras is loaded."""

import os
import signal
import time

import pytest

from porting.port import side


def test_an_interrupt_that_is_swallowed_as_keras_is_loaded_is_raised_behind_it(monkeypatch):
    def swallow(name):
        try:
            os.kill(os.getpid(), signal.SIGINT)
            time.sleep(1)
        except KeyboardInterrupt:
            pass

    monkeypatch.setattr(side.importlib, "import_module", swallow)
    before = signal.signal(signal.SIGINT, signal.default_int_handler)  # a job in the background ignores it
    try:
        with pytest.raises(KeyboardInterrupt):
            side.prepare()
        assert signal.getsignal(signal.SIGINT) is signal.default_int_handler
    finally:
        signal.signal(signal.SIGINT, before)
