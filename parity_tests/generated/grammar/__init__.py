"""The grammar of drawn models: steps that a person takes in torch, each a text of source.

`sketch` holds a class while it is drawn and runs each line as it is added; the others offer steps by what they do:
layers of `torch.nn`, functions, rearrangements, sequences, joins of several values, blocks. May import torch and
`dice`; a step that does not run, or leaves no finite numbers, is not taken.
"""
