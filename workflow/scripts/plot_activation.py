"""Draw an activation and its gradient."""

from typing import TYPE_CHECKING

from mlplab_runtime.job import logged

if TYPE_CHECKING:
    from snakemake.script import snakemake

with logged(snakemake):
    from mlplab.steps.plot_activation import plot_activation

    plot_activation(
        snakemake.input.activation,
        dict(snakemake.output.items()),
        snakemake.config["isolation"],
    )
