"""Choose the best combination on validation images, and read it on the test set."""

from typing import TYPE_CHECKING

from mlplab_runtime.job import logged

if TYPE_CHECKING:
    from snakemake.script import snakemake

with logged(snakemake):
    from mlplab.steps.select_best import select_best

    select_best(
        snakemake.input.runs,
        snakemake.input.agreement,
        snakemake.input.data,
        snakemake.params.runs,
        snakemake.params.axes,
        snakemake.params.implementations,
        snakemake.params.activations,
        snakemake.config["device"],
        snakemake.config["isolation"],
        snakemake.threads,
        snakemake.params.readings,
        snakemake.output.selection,
    )
