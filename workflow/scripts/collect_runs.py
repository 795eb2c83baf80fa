"""See to it that MLflow holds every run of the study, and read them back into one table."""

from typing import TYPE_CHECKING

from job import logged, tell

if TYPE_CHECKING:
    from snakemake.script import snakemake

with logged(snakemake):
    from pathlib import Path

    from mlplab import tables
    from mlplab.collecting import collect_runs
    from mlplab.files import read_json, value_digest, write_json
    from mlplab.mlflow_store import tracking_uri
    from mlplab.record import RunFiles, beside, load_records

    source, config, paths = snakemake.input, snakemake.config, snakemake.params.paths
    study = read_json(source.study)
    places = dict(zip(paths, source.tracked, strict=True))
    tracked = collect_runs(
        tracking_uri(config["tracking"]["uri"]),
        study,
        {path: RunFiles.at(Path(file).parent) for path, file in places.items()},
        {path: read_json(file) for path, file in places.items()},
        read_json(source.manifest),
        value_digest(config),
        config["tracking"]["wait_seconds"],
        tell,
    )
    records = load_records(paths, beside(source.tracked, "run", "history", "evaluation"))
    table = tables.runs_table(tracked, records)
    tables.write(table, snakemake.output.csv, snakemake.output.parquet)
    experiment = {"experiment_id": study["experiment_id"]}
    write_json(
        snakemake.output.tracked,
        {path: {**experiment, "run_id": tracked[path]["run_id"]} for path in paths},
    )
    print(f"{len(table)} runs, the same in MLflow and on disk")
