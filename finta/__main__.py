"""``python -m finta`` is the command ``finta``."""

from finta.entry import main

main()
