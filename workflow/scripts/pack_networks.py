"""Make small copies of trained networks for the page to run."""

from typing import TYPE_CHECKING

from mlplab_runtime.job import logged

if TYPE_CHECKING:
    from snakemake.script import snakemake

with logged(snakemake):
    from mlplab.steps.pack_networks import pack_networks

    pack_networks(
        snakemake.input.runs,
        snakemake.input.agreement,
        snakemake.input.data,
        snakemake.params.runs,
        snakemake.params.axes,
        snakemake.params.activations,
        snakemake.params.scored_on,
        snakemake.config["isolation"],
        snakemake.output.networks,
        dict(snakemake.output.items()),
    )
