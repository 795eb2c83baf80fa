"""Put together what the page trains a small network on the digits with."""

from typing import TYPE_CHECKING

from mlplab_runtime.job import logged

if TYPE_CHECKING:
    from snakemake.script import snakemake

with logged(snakemake):
    from mlplab.steps.pack_lesson import pack_lesson

    pack_lesson(
        snakemake.params.activations,
        snakemake.params.seed,
        snakemake.threads,
        snakemake.output.lesson,
    )
