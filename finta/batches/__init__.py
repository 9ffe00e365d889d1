"""Batches of labelled streamlines from tractograms, and the commands ``finta batches build | pack | info``.

May import `pages`, `porting` and `tractography`; no framework.
"""
