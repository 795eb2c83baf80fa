"""Score the predictions of one run."""

from typing import TYPE_CHECKING

from job import hand_over, logged

if TYPE_CHECKING:
    from snakemake.script import snakemake

hand_over()
with logged(snakemake):
    from mlplab.evaluation import evaluate_run

    evaluate_run(
        snakemake.input.predictions,
        snakemake.input.history,
        snakemake.input.manifest,
        snakemake.params.scored_on,
        snakemake.output.evaluation,
    )
