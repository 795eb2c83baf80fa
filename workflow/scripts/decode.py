"""Decode the data set's files."""

from typing import TYPE_CHECKING

from mlplab_runtime.job import logged

if TYPE_CHECKING:
    from snakemake.script import snakemake

with logged(snakemake):
    from mlplab.steps.decode import decode

    decode(
        snakemake.input.registry,
        dict(snakemake.input.items()),
        snakemake.output.data,
        snakemake.output.manifest,
    )
