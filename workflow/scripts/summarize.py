"""Summarise the runs over seeds and classes, and compare them."""

from typing import TYPE_CHECKING

from mlplab_runtime.job import logged

if TYPE_CHECKING:
    from snakemake.script import snakemake

with logged(snakemake):
    from mlplab.steps.summarize import summarize

    summarize(
        snakemake.input.runs,
        snakemake.input.agreement,
        snakemake.input.manifest,
        snakemake.params.runs,
        snakemake.params.axes,
        snakemake.params.scored_on,
        snakemake.params.margin,
        dict(snakemake.output.items()),
    )
