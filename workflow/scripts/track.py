"""Send the records of a cell's runs to MLflow."""

from typing import TYPE_CHECKING

from mlplab_runtime.job import logged, tell

if TYPE_CHECKING:
    from snakemake.script import snakemake

with logged(snakemake):
    from mlplab.steps.track import track

    track(
        snakemake.config,
        snakemake.input.study,
        snakemake.input.manifest,
        snakemake.input.evaluation,
        snakemake.output.tracked,
        {"data": snakemake.input.data, **snakemake.params.networks},
        tell,
    )
