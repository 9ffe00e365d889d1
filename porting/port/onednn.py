"""Whether TensorFlow computes with oneDNN, whose sums are of another order: it settles that as it is imported."""

import importlib
import importlib.util
import os
import sys

VARIABLE = "TF_ENABLE_ONEDNN_OPTS"

_CHOSEN_HERE = "PORTING_CHOSE_ONEDNN"
"""Set, for this process and those that it starts, where the user has not said what TensorFlow is to do."""


def leave_off() -> None:
    """Do without oneDNN, unless the user has chosen."""
    if "tensorflow" not in sys.modules and VARIABLE not in os.environ:  # which has read it by then
        # oneDNN's convolutions sum in an order that rounds 2.4 times as coarsely.
        os.environ |= {VARIABLE: "0", _CHOSEN_HERE: "1"}


def is_on() -> bool | None:
    """Whether TensorFlow computes with oneDNN, as it says itself; None on other backends."""
    import keras

    if keras.backend.backend() != "tensorflow":
        return None
    return importlib.import_module("tensorflow.python.util._pywrap_util_port").IsMklEnabled()


def expected() -> bool | None:
    """Whether TensorFlow will compute with oneDNN, before Keras is imported; None where another backend is chosen."""
    if "keras" in sys.modules:
        return is_on()
    chosen = os.environ.get("KERAS_BACKEND", "tensorflow")
    if chosen != "tensorflow" or not importlib.util.find_spec("tensorflow"):
        return None
    return os.environ.get(VARIABLE) != "0"


def is_chosen() -> bool:
    """Whether the user has said what TensorFlow is to do."""
    return VARIABLE in os.environ and _CHOSEN_HERE not in os.environ
