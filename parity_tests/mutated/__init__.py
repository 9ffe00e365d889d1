"""Ports that were written, then damaged: a table of mutations of their source and of their weights, and who judges them.

`written` writes the ports, `source_operators` and `weight_operators` damage them, `equivalence` says whether anything
changed, `graphs` what a line of the source makes, `judging` what the verdict made of it, `others` what other checks do.
"""
