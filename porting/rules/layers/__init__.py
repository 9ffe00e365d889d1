"""The rows of the table, each family of layers in a module of its own.

May import what `rules` has in common: `rule`, `settings`, `shared_settings`, `patterns`, `windows`.
"""
