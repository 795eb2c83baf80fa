"""Fetch one file of the data set."""

from typing import TYPE_CHECKING

from job import logged

if TYPE_CHECKING:
    from snakemake.script import snakemake

with logged(snakemake):
    from mlplab import datasets
    from mlplab.datasets.download import download, mirrors_of

    dataset = datasets.info(snakemake.config["dataset"])
    download(
        dataset,
        dataset.file(snakemake.wildcards.file),
        mirrors_of(dataset, snakemake.config["mirrors"]),
        snakemake.output.file,
        snakemake.output.source,
    )
