"""Where the command ``finta`` starts: a package that it needs is missed here, before anything imports it."""

import sys
from typing import NoReturn

from finta.requirements import COMPARERS, READERS, TRAINERS
from porting.entry import Needs, enter

NEEDS: Needs = {
    "batches build": (READERS, "streamlines"),
    "batches pack": ((), "verify"),
    "batches info": ((), "verify"),
    "train": (TRAINERS, "train"),
    "encode": (READERS, "filter"),
    "reconstruct": (READERS, "filter"),
    "thresholds": ((*READERS, *COMPARERS), "filter"),
    "filter": ((*READERS, *COMPARERS), "filter"),
    "evaluate": ((*READERS, *COMPARERS), "filter"),
    "sample": ((*READERS, *COMPARERS), "streamlines"),
    "verify-decisions": (("torch", *READERS, *COMPARERS), "convert,filter"),
}


def main() -> NoReturn:
    """Run the command ``finta``."""
    sys.exit(enter("finta", "finta.cli:main", NEEDS))
