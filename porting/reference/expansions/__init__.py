"""Modules of torch that are several layers: each is run as those that it is made of.

`modules.expansion_of` is the way in. May import `reference.abouts` and the ground; torch inside functions.
"""
