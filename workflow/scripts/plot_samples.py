"""Draw the first images of the training set."""

from typing import TYPE_CHECKING

from mlplab_runtime.job import logged

if TYPE_CHECKING:
    from snakemake.script import snakemake

with logged(snakemake):
    from mlplab.steps.plot_samples import plot_samples

    plot_samples(
        snakemake.input.data,
        dict(snakemake.output.items()),
    )
