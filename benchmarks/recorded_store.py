"""An MLflow store that holds recorded runs as if each had been sent to it."""

import math
import uuid
from typing import Any

from benchmarks.recorded import STUDY, Study

URI = "sqlite:///results/mlflow/mlflow.db"


def fill_store() -> None:
    """Put every run into an MLflow store: the first is sent, the others are rows like its own.

    To send them all would take half an hour, and is no part of what is measured here.
    """
    import sqlite3

    from mlplab.files import write_json
    from mlplab.study.documents import read_manifest
    from mlplab.study.record import NAMES, RunFiles, beside
    from mlplab.tracking.send import track_runs
    from mlplab.tracking.study import start_study

    study = start_study(URI, STUDY.name)
    write_json(STUDY / "study.json", study)
    places = list(Study().files("mlflow.json").values())
    files = RunFiles.each(beside(places, *NAMES))
    manifest = read_manifest(STUDY / "manifest.json")
    (first,) = track_runs(URI, study, files[:1], manifest, "0" * 64)
    write_json(places[0], first)
    database = sqlite3.connect(URI.removeprefix("sqlite:///"))
    with database:
        for place, record in zip(places[1:], files[1:], strict=True):
            run_id = _insert_run(database, first["run_id"], record)
            write_json(place, {**first, "run_id": run_id})
    database.close()


def _insert_run(database: Any, like: str, files: Any) -> str:
    """Insert a run into MLflow's tables beside the one whose id is `like`; returns its id."""
    from mlplab.tracking import entities
    from mlplab.tracking import study as mlflow_study

    record, run_id = files.load(), uuid.uuid4().hex
    points = {
        (point.key, point.step): (
            point.key,
            0.0 if math.isnan(point.value) else point.value,
            point.timestamp,
            point.step,
            math.isnan(point.value),
            run_id,
        )
        for point in entities.metrics(record)
    }
    latest = {key: values for (key, _), values in points.items()}
    tags = {
        mlflow_study.RUN_TAG: record.run.run,
        mlflow_study.RECORD_TAG: files.digest(),
        mlflow_study.KIND_TAG: "run",
        "mlflow.runName": record.run.run,
        **entities.tags(record, "0" * 64),
    }
    parameters = entities.parameters(record).items()
    rows: dict[str, list[tuple[Any, ...]]] = {
        "metrics (key, value, timestamp, step, is_nan, run_uuid)": list(points.values()),
        "latest_metrics (key, value, timestamp, step, is_nan, run_uuid)": list(latest.values()),
        "params (key, value, run_uuid)": [
            (key, entities.text(value), run_id) for key, value in parameters
        ],
        "tags (key, value, run_uuid)": [(key, value, run_id) for key, value in tags.items()],
    }
    copied = {
        "runs": {"run_uuid": run_id, "name": record.run.run},
        "inputs": {"input_uuid": uuid.uuid4().hex, "destination_id": run_id},
    }
    for name, changes in copied.items():
        key = "destination_id" if name == "inputs" else "run_uuid"
        found = database.execute(f"SELECT * FROM {name} WHERE {key} = ?", [like])
        columns = [column[0] for column in found.description]
        row = {**dict(zip(columns, found.fetchone(), strict=True)), **changes}
        rows[f"{name} ({', '.join(row)})"] = [tuple(row.values())]
    for into, values in rows.items():
        marks = ", ".join("?" * len(values[0]))
        database.executemany(f"INSERT INTO {into} VALUES ({marks})", values)
    return run_id
