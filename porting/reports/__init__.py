"""A verdict to look at: on the console, as a page with pictures, as JSON.

May import `proof`, `records` and what lies below them; no framework.
"""
