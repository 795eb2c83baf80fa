"""Create the MLflow store and the study's experiment."""

from typing import TYPE_CHECKING

from mlplab_runtime.job import logged

if TYPE_CHECKING:
    from snakemake.script import snakemake

with logged(snakemake):
    from mlplab.steps.start_study import start_study

    start_study(
        snakemake.params.study,
        snakemake.params.uri,
        snakemake.params.scored_on,
        snakemake.output.study,
    )
