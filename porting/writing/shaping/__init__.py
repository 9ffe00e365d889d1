"""From what was recorded of each call of a module to the functions that a person would write.

`preparing` brings statements into one form, `rolling` rolls up what repeats, `merging` makes one function of the blocks
of a class, `variables` and `naming` say what is assigned to what. May import `blocks` and `expressions`.
"""
