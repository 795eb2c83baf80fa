"""Send the record of one run to MLflow."""

from typing import TYPE_CHECKING

from job import hand_over, logged

if TYPE_CHECKING:
    from snakemake.script import snakemake

hand_over()
with logged(snakemake):
    from mlplab.files import read_json, value_digest, write_json
    from mlplab.record import RunFiles
    from mlplab.tracking import track_run, tracking_uri

    tracked = track_run(
        tracking_uri(snakemake.config["tracking"]["uri"]),
        read_json(snakemake.input.study),
        RunFiles.of(snakemake.input),
        read_json(snakemake.input.manifest),
        value_digest(snakemake.config),
    )
    write_json(snakemake.output[0], tracked)
    print(f"MLflow run {tracked['run_id']}")
