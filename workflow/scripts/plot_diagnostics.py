"""Draw what happens inside the networks while they train."""

from typing import TYPE_CHECKING

from mlplab_runtime.job import logged

if TYPE_CHECKING:
    from snakemake.script import snakemake

with logged(snakemake):
    from mlplab.figures import diagnostics
    from mlplab.steps.plot_tables import plot_tables

    plot_tables(
        diagnostics,
        dict(snakemake.input.items()),
        dict(snakemake.output.items()),
    )
