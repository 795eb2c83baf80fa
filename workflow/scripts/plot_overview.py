"""Draw accuracy and seconds per epoch of every run."""

from typing import TYPE_CHECKING

from mlplab_runtime.job import logged

if TYPE_CHECKING:
    from snakemake.script import snakemake

with logged(snakemake):
    from mlplab.figures import runs
    from mlplab.steps.plot_tables import plot_tables

    plot_tables(
        runs,
        dict(snakemake.input.items()),
        dict(snakemake.output.items()),
        snakemake.params.scored_on,
    )
