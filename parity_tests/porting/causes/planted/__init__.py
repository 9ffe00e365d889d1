"""The faults that are planted, by what they change, and the right ports beside them."""
