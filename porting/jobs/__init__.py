"""The jobs that a command, or its Python twin, does from files to files: plan, convert, verify, export, inspect.

May import every room but `training` and the doors (`cli`, `testing`, `pytest_plugin`).
"""
