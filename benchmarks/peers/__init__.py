"""What other converters make of the same models; each runs in an environment of its own, with its own frameworks.

`converting` runs there and imports nothing of this project but the census; `table` runs here.
"""
