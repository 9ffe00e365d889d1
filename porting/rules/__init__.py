"""What corresponds, and how it is judged: the table of layer types, their settings, axis patterns, windows.

May import the ground alone; no framework.
"""
