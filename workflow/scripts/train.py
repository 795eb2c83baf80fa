"""Train one run."""

from typing import TYPE_CHECKING

from job import logged

if TYPE_CHECKING:
    from snakemake.script import snakemake

with logged(snakemake):
    from mlplab.experiment import train_run
    from mlplab.grid import Run

    train_run(
        Run(**snakemake.params.run),
        snakemake.input.data,
        snakemake.threads,
        history=snakemake.output.history,
        parameters=snakemake.output.parameters,
        predictions=snakemake.output.predictions,
        record=snakemake.output.run,
    )
