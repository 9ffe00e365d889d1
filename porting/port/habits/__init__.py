"""Habits of Keras and its backends that are mended while models are judged: what is rounded, or compiled anew.

May import `calls` and the ground.
"""
