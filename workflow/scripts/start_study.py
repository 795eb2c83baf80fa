"""Create the MLflow store and the study's experiment."""

from typing import TYPE_CHECKING

from job import logged

if TYPE_CHECKING:
    from snakemake.script import snakemake

with logged(snakemake):
    from mlplab.files import write_json
    from mlplab.mlflow_store import tracking_uri
    from mlplab.tracking import start_study

    study = start_study(tracking_uri(snakemake.params.uri), snakemake.params.study)
    write_json(snakemake.output.study, study)
    print(f"experiment {study['experiment_id']} in {study['tracking_uri']}")
