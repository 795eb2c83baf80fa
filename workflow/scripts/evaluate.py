"""Score the predictions of a cell's runs."""

from typing import TYPE_CHECKING

from mlplab_runtime.job import logged

if TYPE_CHECKING:
    from snakemake.script import snakemake

with logged(snakemake):
    from mlplab.steps.evaluate import evaluate

    evaluate(
        snakemake.input.run,
        snakemake.input.manifest,
        snakemake.params.scored_on,
        snakemake.output.evaluation,
    )
