"""What a proof cannot see: found in the reference, and seen where drawn values take the place of a checkpoint's.

May import what `proof` may, and `proof` itself.
"""
