"""What corresponds, and how it is judged: the table of layer types, their settings, axis patterns, windows.

Each family of layers has its rows in a module of its own; `table` lists them all. May import the ground alone; no
framework.
"""
