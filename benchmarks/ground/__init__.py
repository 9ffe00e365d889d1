"""What several benchmarks need: the machine in words, and a pair of any size."""
