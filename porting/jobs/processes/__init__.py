"""Verdicts that other processes give: another backend's, and TensorFlow's with oneDNN the other way.

A backend, and its settings, are chosen once a process. `conversion` and `verification` stand above; may import what
`jobs` may.
"""
