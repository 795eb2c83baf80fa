"""Keep the study's figures, tables and report in MLflow."""

from typing import TYPE_CHECKING

from job import logged, tell

if TYPE_CHECKING:
    from snakemake.script import snakemake

with logged(snakemake):
    from pathlib import Path

    import yaml

    from mlplab.collecting import publish_study
    from mlplab.files import file_digest, read_json, write_json
    from mlplab.mlflow_store import tracking_uri

    source = snakemake.input
    config = yaml.safe_load(Path(source.config).read_text(encoding="utf-8"))
    study = read_json(source.study)
    files = [source.report, *source.selection, *source.tables, *source.figures]
    # MLflow keeps the folders that the files have within the study.
    artifacts: dict = {}
    for file in files:
        folder = Path(file).parent.relative_to(Path(snakemake.output[0]).parent).as_posix()
        artifacts.setdefault("report" if folder == "." else folder, []).append(file)
    tracking = config["tracking"]
    publish_study(
        tracking_uri(tracking["uri"]), study, config, artifacts, tracking["wait_seconds"], tell
    )
    write_json(
        snakemake.output[0],
        {
            "experiment_id": study["experiment_id"],
            "run_id": study["study_run_id"],
            "sha256": {file: file_digest(file) for file in files},
        },
    )
    print(f"{len(files)} files in MLflow run {study['study_run_id']}")
