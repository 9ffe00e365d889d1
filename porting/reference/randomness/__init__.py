"""What a torch model draws in training: torch's generator, which modules draw, and each call that does.

May import `drops`, `records`, `traces`, the rest of `reference` and the ground.
"""
