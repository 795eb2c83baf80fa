"""Score the predictions of a cell's runs; their checkpoints have served."""

from typing import TYPE_CHECKING

from job import logged

if TYPE_CHECKING:
    from snakemake.script import snakemake

with logged(snakemake):
    from pathlib import Path

    from mlplab.evaluation import evaluate_run
    from mlplab.record import CHECKPOINT, beside

    manifest, scored_on = snakemake.input.manifest, snakemake.params.scored_on
    trained = beside(snakemake.input.run, "predictions", "history")
    for predictions, history, evaluation in zip(
        trained.predictions, trained.history, snakemake.output.evaluation, strict=True
    ):
        evaluate_run(predictions, history, manifest, scored_on, evaluation)
    for run in snakemake.input.run:
        Path(run).with_name(CHECKPOINT).unlink(missing_ok=True)
