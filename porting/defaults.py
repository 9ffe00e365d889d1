"""What is meant where a user says nothing; imports nothing, so that the command line starts quickly."""

DEFAULT_PAIR = "finta"
"""The registered pair that is meant where none is named."""

PATIENCE_SECONDS = 30.0
"""How long the causes of a verdict's divergences are searched for at most."""
