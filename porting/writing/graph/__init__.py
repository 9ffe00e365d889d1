"""What is done to the exported graph before it is written: modules kept whole, in-place undone, constants computed.

`marks` keeps modules in one piece while torch exports, `in_place` finds graphs that change views, `folding` computes
what no input reaches, `origins` sees how a model makes the buffers that no checkpoint has. May
import `functions` alone.
"""
