"""``python -m porting`` is the command ``porting``."""

from porting.cli import main

main()
