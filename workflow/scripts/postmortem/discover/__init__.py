"""Which runs failed, and how we know; what SLURM and Snakemake recorded."""
