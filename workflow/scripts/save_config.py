"""Keep the configuration that the results come from."""

from typing import TYPE_CHECKING

from mlplab_runtime.job import logged

if TYPE_CHECKING:
    from snakemake.script import snakemake

with logged(snakemake):
    from mlplab.steps.save_config import save_config

    save_config(
        snakemake.params.config,
        snakemake.output[0],
    )
