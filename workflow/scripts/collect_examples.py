"""Put together what a reader looks at: images, predictions, weights, values."""

from typing import TYPE_CHECKING

from mlplab_runtime.job import logged

if TYPE_CHECKING:
    from snakemake.script import snakemake

with logged(snakemake):
    from mlplab.steps.collect_examples import collect_examples

    collect_examples(
        snakemake.input.data,
        snakemake.input.runs,
        snakemake.input.groups,
        snakemake.input.agreement,
        snakemake.params.runs,
        snakemake.params.scored_on,
        dict(snakemake.output.items()),
    )
