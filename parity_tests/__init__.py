"""The regression suite: that ports compute what their references compute, and that the tool notices where not."""
