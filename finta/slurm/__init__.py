"""Scripts for a SLURM cluster: workers that use a model, and training."""
