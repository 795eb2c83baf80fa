"""Fetch one file of the data set."""

from typing import TYPE_CHECKING

from mlplab_runtime.job import logged

if TYPE_CHECKING:
    from snakemake.script import snakemake

with logged(snakemake):
    from mlplab.steps.download import download

    download(
        snakemake.params.dataset,
        snakemake.wildcards.file,
        snakemake.config["mirrors"],
        snakemake.output.file,
        snakemake.output.source,
    )
