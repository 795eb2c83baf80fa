"""What stands between Snakemake and the jobs: see README.md beside this package."""
