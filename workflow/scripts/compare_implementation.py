"""Run one implementation beside the reference, step by step."""

from typing import TYPE_CHECKING

from mlplab_runtime.job import logged

if TYPE_CHECKING:
    from snakemake.script import snakemake

with logged(snakemake):
    from mlplab.steps.compare_implementation import compare_implementation

    compare_implementation(
        snakemake.input.implementation,
        snakemake.input.reference,
        snakemake.input.activations,
        snakemake.input.data,
        snakemake.params.settings,
        snakemake.threads,
        snakemake.config["isolation"],
        snakemake.output.parity,
    )
