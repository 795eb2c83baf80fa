"""Draw the training curves of one activation."""

from typing import TYPE_CHECKING

from mlplab_runtime.job import logged

if TYPE_CHECKING:
    from snakemake.script import snakemake

with logged(snakemake):
    from mlplab.steps.plot_curves import plot_curves

    plot_curves(
        snakemake.input.evaluation,
        snakemake.params.scored_on,
        dict(snakemake.output.items()),
    )
