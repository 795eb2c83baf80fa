"""Send the records of a cell's runs to MLflow."""

from typing import TYPE_CHECKING

from job import logged, tell

if TYPE_CHECKING:
    from snakemake.script import snakemake

with logged(snakemake):
    from mlplab.files import read_json, value_digest, write_json
    from mlplab.mlflow_store import tracking_uri
    from mlplab.record import NAMES, RunFiles, beside
    from mlplab.tracking import track_runs

    source = snakemake.input
    tracked = track_runs(
        tracking_uri(snakemake.config["tracking"]["uri"]),
        read_json(source.study),
        RunFiles.each(beside(source.evaluation, *NAMES)),
        read_json(source.manifest),
        value_digest(snakemake.config),
        tell,
    )
    for file, run in zip(snakemake.output.tracked, tracked, strict=True):
        write_json(file, run)
        print(f"{file}: {'deferred' if 'deferred' in run else run['run_id']}")
