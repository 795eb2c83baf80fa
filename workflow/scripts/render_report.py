"""Write the study on one page."""

from typing import TYPE_CHECKING

from mlplab_runtime.job import logged

if TYPE_CHECKING:
    from snakemake.script import snakemake

with logged(snakemake):
    from mlplab.steps.render_report import render_report

    render_report(
        snakemake.input.config,
        snakemake.input.manifest,
        snakemake.input.study,
        snakemake.input.tracked,
        snakemake.params.runs,
        dict(zip(snakemake.params.tables, snakemake.input.tables, strict=True)),
        snakemake.params.axes,
        dict(zip(snakemake.params.figures, snakemake.input.figures, strict=True)),
        snakemake.params.catalogue,
        snakemake.input.activations,
        next(iter(snakemake.input.selection), None),
        snakemake.input.pictures,
        snakemake.input.live,
        dict(snakemake.output.items()),
    )
