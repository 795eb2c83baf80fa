"""Draw a cell's predictions and its confusion matrix."""

from typing import TYPE_CHECKING

from mlplab_runtime.job import logged

if TYPE_CHECKING:
    from snakemake.script import snakemake

with logged(snakemake):
    from mlplab.steps.plot_cell import plot_cell

    plot_cell(
        snakemake.input.data,
        snakemake.input.evaluation,
        snakemake.params.scored_on,
        snakemake.params.validation_size,
        dict(snakemake.output.items()),
    )
