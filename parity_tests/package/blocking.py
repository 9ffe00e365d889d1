"""Fresh interpreters in which some packages are as good as not installed."""

import os
import subprocess
import sys

HIDE = """
from importlib.machinery import PathFinder
find_spec = PathFinder.find_spec
hidden = {hidden}
PathFinder.find_spec = lambda name, *where: None if name.partition(".")[0] in hidden else find_spec(name, *where)
"""


def run_without(hidden, code, **variables):
    """Run code in a fresh interpreter in which some packages are as good as not installed."""
    script = HIDE.format(hidden=sorted(hidden)) + code
    environment = os.environ | variables
    return subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=False, env=environment)
