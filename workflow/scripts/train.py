"""Train one run."""

from typing import TYPE_CHECKING

from job import logged

if TYPE_CHECKING:
    from snakemake.script import snakemake

with logged(snakemake):
    from pathlib import Path

    from mlplab.experiment import Job, train_run
    from mlplab.grid import Run

    job = Job(
        run=Run(**snakemake.params.run),
        implementation=Path(snakemake.input.implementation),
        activation=Path(snakemake.input.activation),
        data=Path(snakemake.input.data),
        threads=snakemake.threads,
        scored_on=snakemake.params.scored_on,
        # No parameters of the rule: a run that is there is not trained anew for them.
        device=snakemake.config["device"],
        checkpoint_epochs=snakemake.config["checkpoint_epochs"],
    )
    train_run(
        job,
        history=snakemake.output.history,
        diagnostics=snakemake.output.diagnostics,
        parameters=snakemake.output.parameters,
        predictions=snakemake.output.predictions,
        record=snakemake.output.run,
    )
