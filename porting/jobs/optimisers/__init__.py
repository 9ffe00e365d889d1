"""What an optimiser carries from step to step, moved from one framework to the other.

May import what lies below `jobs`, and no job.
"""
