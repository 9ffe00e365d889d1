"""Loops of what repeats, and lists of what grows. May import the steps and their patterns."""
