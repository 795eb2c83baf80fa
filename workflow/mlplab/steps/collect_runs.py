"""See to it that MLflow holds every run of the study, and read them back into one table."""

from collections.abc import Callable, Mapping
from typing import Any

from mlplab.analysis import tables
from mlplab.analysis.runs import runs_table
from mlplab.files import PathLike, read_json, value_digest, write_json
from mlplab.study.documents import read_manifest
from mlplab.study.record import NAMES, RunFiles, beside, load_records
from mlplab.tracking import collect
from mlplab.tracking.models import networks_of
from mlplab.tracking.uri import tracking_uri


def collect_runs(
    config: Mapping[str, Any],
    study: PathLike,
    manifest: PathLike,
    runs: Mapping[str, PathLike],
    outputs: Mapping[str, PathLike],
    networks: Mapping[str, Any],
    tell: Callable[[str], None] = print,
) -> None:
    """Write all runs as a table (`runs_csv`, `runs_parquet`) and their place in MLflow (`tracked`).

    `runs` maps a run's path to the file of its folder that says whether it was sent. `networks` has
    what models are made of: `data`, files of `implementations` and `activations`.
    """
    started = read_json(study)
    files = dict(zip(runs, RunFiles.each(beside(runs.values(), *NAMES)), strict=True))
    # Before anything is sent or published.
    for each in files.values():
        each.check()
    tracked = collect.collect_runs(
        tracking_uri(config["tracking"]["uri"]),
        started,
        files,
        {path: read_json(file) for path, file in runs.items()},
        read_manifest(manifest),
        value_digest(config),
        config["tracking"]["wait_seconds"],
        tell,
        networks_of(config, networks),
    )
    records = load_records(list(runs), beside(runs.values(), "run", "history", "evaluation"))
    table = runs_table(tracked, records)
    tables.write_all({"runs": table}, outputs)
    experiment = {"experiment_id": started["experiment_id"]}
    write_json(
        outputs["tracked"],
        {path: {**experiment, "run_id": tracked[path]["run_id"]} for path in runs},
    )
    print(f"{len(table)} runs, the same in MLflow and on disk")
