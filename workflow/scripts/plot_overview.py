"""Draw accuracy and seconds per epoch of every run."""

from typing import TYPE_CHECKING

from mlplab_runtime.job import logged

if TYPE_CHECKING:
    from snakemake.script import snakemake

with logged(snakemake):
    from mlplab.steps.plot_overview import plot_overview

    plot_overview(
        snakemake.input.runs,
        snakemake.params.groups,
        snakemake.params.scored_on,
        dict(snakemake.output.items()),
    )
