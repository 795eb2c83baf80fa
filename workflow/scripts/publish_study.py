"""Keep the study's figures, tables and report in MLflow."""

from typing import TYPE_CHECKING

from mlplab_runtime.job import logged, tell

if TYPE_CHECKING:
    from snakemake.script import snakemake

with logged(snakemake):
    from mlplab.steps.publish_study import publish_study

    publish_study(
        snakemake.input.config,
        snakemake.input.study,
        [
            snakemake.input.report,
            *snakemake.input.selection,
            *snakemake.input.tables,
            *snakemake.input.figures,
            *snakemake.input.live,
        ],
        snakemake.input.manifest,
        next(iter(snakemake.input.selection), None),
        snakemake.output[0],
        tell,
    )
