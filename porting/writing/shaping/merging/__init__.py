"""One function for the blocks of a class: what differs becomes arguments, what some lack stands in a branch.

`aligning` lays variants beside each other, `variants` joins their steps, `arguments`, `flags` and `signatures` name
what differs, `classes` does it for all classes, in the order of `ordering`. May import `rolling` and the steps.
"""
