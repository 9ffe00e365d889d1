"""What is meant where a user says nothing; imports nothing, so that the command line starts quickly."""

DEFAULT_PAIR = "finta"
"""The registered pair that is meant where none is named."""
