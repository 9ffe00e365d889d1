"""Ports that were written, then damaged by tables of mutations of their source and weights, and what is said of them.

`written` writes the ports, `changes` damage them, `equivalence` says whether anything changed, `graphs` what a line of
the source makes, `judging` what the verdict made of it, `others` what other checks do.
"""
