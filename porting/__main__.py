"""``python -m porting`` is the command ``porting``."""

from porting.entry import main

main()
