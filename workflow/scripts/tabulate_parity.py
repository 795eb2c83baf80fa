"""Put what every implementation's comparison found into one table."""

from typing import TYPE_CHECKING

from mlplab_runtime.job import logged

if TYPE_CHECKING:
    from snakemake.script import snakemake

with logged(snakemake):
    from mlplab.steps.tabulate_parity import tabulate_parity

    tabulate_parity(
        snakemake.input.parity,
        dict(snakemake.output.items()),
    )
