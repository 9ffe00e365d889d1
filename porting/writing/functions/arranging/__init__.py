"""Rows of what moves, joins, parts and repeats axes."""
