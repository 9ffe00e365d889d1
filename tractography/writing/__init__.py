"""Writers of TRK, TCK and TRX, a piece at a time.

May import `files` and the package's errors.
"""
