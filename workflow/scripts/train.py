"""Train one run."""

from typing import TYPE_CHECKING

from mlplab_runtime.job import logged

if TYPE_CHECKING:
    from snakemake.script import snakemake

with logged(snakemake):
    from mlplab.steps.train import train

    train(
        snakemake.params.run,
        snakemake.input.implementation,
        snakemake.input.activation,
        snakemake.input.data,
        snakemake.threads,
        snakemake.params.scored_on,
        # No parameters of the rule: a run that is there is not trained anew for them.
        snakemake.config["device"],
        snakemake.config["checkpoint_epochs"],
        snakemake.config["isolation"],
        dict(snakemake.output.items()),
        {
            "uri": snakemake.config["tracking"]["uri"],
            "study": f"results/{snakemake.config['study']}/study.json",
        }
        if snakemake.config["tracking"]["live"]
        else None,
    )
