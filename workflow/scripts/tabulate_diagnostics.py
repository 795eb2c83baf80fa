"""Put what happens inside the networks while they train into tables."""

from typing import TYPE_CHECKING

from mlplab_runtime.job import logged

if TYPE_CHECKING:
    from snakemake.script import snakemake

with logged(snakemake):
    from mlplab.steps.tabulate_diagnostics import tabulate_diagnostics

    tabulate_diagnostics(
        snakemake.input.agreement,
        snakemake.input.run,
        dict(snakemake.output.items()),
    )
