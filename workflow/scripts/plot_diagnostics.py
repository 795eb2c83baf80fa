"""Draw what happens inside the networks while they train."""

from typing import TYPE_CHECKING

from mlplab_runtime.job import logged

if TYPE_CHECKING:
    from snakemake.script import snakemake

with logged(snakemake):
    from mlplab.steps.plot_diagnostics import plot_diagnostics

    plot_diagnostics(
        snakemake.input.run,
        dict(snakemake.output.items()),
    )
