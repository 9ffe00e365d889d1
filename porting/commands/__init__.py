"""The command line ``porting``: its commands, and what those of ``finta`` share with them.

May import every other room; no framework is loaded before a command has checked what can be known without one.
"""
