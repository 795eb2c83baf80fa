"""Read the study's runs back from MLflow into one table."""

from typing import TYPE_CHECKING

from job import logged

if TYPE_CHECKING:
    from snakemake.script import snakemake

with logged(snakemake):
    from mlplab import tables
    from mlplab.files import read_json
    from mlplab.record import beside, load_records
    from mlplab.tracking import read_runs, tracking_uri

    paths = snakemake.params.paths
    run_ids = {
        path: read_json(file)["run_id"]
        for path, file in zip(paths, snakemake.input.tracked, strict=True)
    }
    tracked = read_runs(
        tracking_uri(snakemake.config["tracking"]["uri"]),
        read_json(snakemake.input.study),
        run_ids,
    )
    files = beside(snakemake.input.tracked, "run", "history", "evaluation")
    records = load_records(paths, files)
    table = tables.runs_table(tracked, records)
    tables.write(table, snakemake.output.csv, snakemake.output.parquet)
    print(f"{len(table)} runs, the same in MLflow and on disk")
