"""What of a graph of evaluation shows in training alone: how much is dropped, and noise."""
