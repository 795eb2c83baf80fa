"""Read the study's runs back from MLflow into one table."""

from typing import TYPE_CHECKING

from mlplab_runtime.job import logged, tell

if TYPE_CHECKING:
    from snakemake.script import snakemake

with logged(snakemake):
    from mlplab.steps.collect_runs import collect_runs

    collect_runs(
        snakemake.config,
        snakemake.input.study,
        snakemake.input.manifest,
        dict(zip(snakemake.params.paths, snakemake.input.tracked, strict=True)),
        dict(snakemake.output.items()),
        {"data": snakemake.input.data, **snakemake.params.networks},
        tell,
    )
