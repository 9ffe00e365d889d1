"""Benchmarks of training in the two frameworks: initial values, a step's time, courses, what rounding does to them."""
