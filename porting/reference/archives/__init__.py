"""What lies in files that torch wrote: pickles, and pages that are mapped.

May import `files` and the ground.
"""
