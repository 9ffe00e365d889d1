"""From what was recorded of each call of a module to the functions that a person would write.

`preparing` brings statements into one form, `loops` rolls up what repeats, `aligning` and `variants` make one function
of the blocks of a class, `arguments` names what differs, `variables` and `naming` say what is assigned to what. May
import `blocks` and `expressions`.
"""
