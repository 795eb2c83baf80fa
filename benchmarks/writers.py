"""Many writers at once on MLflow's server: what a run takes, and whether any is lost or doubled.

PostgreSQL and the server are started for it, on loopback, and taken away again. One real run is
recorded; every writer is a process that sends it under a seed of its own, as a job of a study does.
"""

import contextlib
import multiprocessing
import tempfile
import time
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import sqlalchemy

from benchmarks.measure import data_file, paragraph, spread, table
from mlplab.study.documents import Manifest, read_manifest
from mlplab.study.record import RunFiles
from mlplab.tracking import study as mlflow_study

WRITERS = (1, 8, 64)
Point = tuple[str, int, int, str]
# MLflow's tables as they are: what its client makes of them is not asked.
LIVE_RUNS = """
    SELECT tags.value, runs.run_uuid, runs.status FROM runs JOIN tags USING (run_uuid)
    WHERE runs.experiment_id = :experiment AND lifecycle_stage = 'active' AND tags.key = :tag
"""
POINTS = """
    SELECT run_uuid, metrics.key, step, metrics.timestamp, metrics.value, is_nan
    FROM metrics JOIN runs USING (run_uuid) WHERE runs.experiment_id = :experiment
"""


def send_at_once(
    uri: str, study: Mapping[str, Any], records: Mapping[str, RunFiles], manifest: Manifest
) -> dict[str, dict[str, Any]]:
    """Send every record from a process of its own, all at once.

    Returns, by the record's name, what `track_runs` returned for it and the seconds that it took.
    """
    # A fork has imported MLflow already, as jobs of the workflow have.
    context = multiprocessing.get_context("fork")
    start, answers = context.Event(), context.Queue()
    arguments = (uri, study, manifest, start, answers)
    writers = [context.Process(target=_write, args=(*each, *arguments)) for each in records.items()]
    for writer in writers:
        writer.start()
    start.set()
    told = dict(answers.get(timeout=300) for _ in writers)
    for writer in writers:
        writer.join()
    return told


def _write(
    name: str, files: RunFiles, uri: str, study: Any, manifest: Any, start: Any, answers: Any
) -> None:
    from mlplab.tracking.send import track_runs

    start.wait()
    begun = time.perf_counter()
    try:
        (sent,) = track_runs(uri, study, [files], manifest, "0" * 64)
    except Exception as error:
        sent = {"failed": f"{type(error).__name__}: {error}"}
    answers.put((name, {**sent, "seconds": time.perf_counter() - begun}))


def count(
    database: str, study: Mapping[str, Any], records: Mapping[str, RunFiles]
) -> dict[str, int]:
    """Compare what MLflow's database holds of a study with the records, point by point.

    A run is lost where no live run of it is complete, and doubled where there are two. A point is a
    metric's value with its step and timestamp.
    """
    from mlplab.tracking import entities

    engine = sqlalchemy.create_engine(database, poolclass=sqlalchemy.NullPool)
    chosen = {"experiment": int(study["experiment_id"]), "tag": mlflow_study.RUN_TAG}
    with engine.connect() as connection:
        runs = connection.execute(sqlalchemy.text(LIVE_RUNS), chosen).all()
        held: dict[str, Counter[Point]] = {}
        for run_id, key, step, timestamp, value, is_nan in connection.execute(
            sqlalchemy.text(POINTS), chosen
        ):
            # Compared as text: a NaN is equal to no number.
            point = key, step, timestamp, "nan" if is_nan else repr(value)
            held.setdefault(run_id, Counter())[point] += 1
    live: dict[str, list[Any]] = {}
    for path, run_id, status in runs:
        live.setdefault(path, []).append((run_id, status))
    found = dict.fromkeys(("runs_lost", "runs_doubled", "points_lost", "points_doubled"), 0)
    for path, files in records.items():
        record = files.load()
        ended = "FAILED" if record.run.status == "failed" else "FINISHED"
        complete = [run_id for run_id, status in live.get(path, []) if status == ended]
        found["runs_doubled"] += len(live.get(path, [])) > 1
        found["runs_lost"] += not complete
        expected = Counter(
            (point.key, point.step, point.timestamp, repr(float(point.value)))
            for point in entities.metrics(record)
        )
        points = held.get(complete[0], Counter()) if complete else Counter()
        found["points_lost"] += (expected - points).total()
        found["points_doubled"] += (points - expected).total()
    return found


def measure(data: Path, manifest: Path, writers: Sequence[int]) -> list[dict[str, Any]]:
    """Send from so many writers at once, one number of them after another."""
    from benchmarks.tracking import copies, record
    from mlplab.tracking.study import start_study
    from tests.services.postgresql import PostgreSQL, Server

    found = []
    with contextlib.ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        folder.chmod(0o755)
        run, files = record(data, manifest, folder / "trained")
        database = PostgreSQL(folder / "postgresql")
        stack.callback(database.close)
        server = Server(folder / "server", database.uri)
        stack.callback(server.close)
        for number in writers:
            study = start_study(server.uri, f"{number} writers")
            records = copies(run, files, folder / str(number), number)
            told = send_at_once(server.uri, study, records, read_manifest(manifest))
            found.append(
                {
                    "writers": number,
                    "seconds": spread([each["seconds"] for each in told.values()]),
                    "deferred": sum("deferred" in each for each in told.values()),
                    **count(database.uri, study, records),
                }
            )
            print(found[-1], flush=True)
    return found


def main() -> list[dict[str, Any]]:
    """Send from 1, 8 and 64 writers at once."""
    return measure(data_file("data.safetensors"), data_file("manifest.json"), WRITERS)


def page(result: list[dict[str, Any]]) -> str:
    """Writers as a section of Markdown."""
    rows = [
        [
            str(each["writers"]),
            *(f"{each['seconds'][key]:.2f}" for key in ("median", "max")),
            *(str(each[key]) for key in ("deferred", "runs_lost", "runs_doubled")),
            str(each["points_lost"] + each["points_doubled"]),
        ]
        for each in result
    ]
    what = paragraph(
        """MLflow's server with two workers on PostgreSQL, on the same machine as its writers: each
        sends a run of ten epochs with all its metrics, diagnostics and files, all at the same
        moment. Seconds are of one writer, from its first request to its last answer. A deferred run
        is one that the workflow would send again before its tables."""
    )
    heading = ["writers", "median s", "greatest s", "deferred", "runs lost", "doubled"]
    return "\n".join(
        ["## Many writers on one tracking server\n", what, table([*heading, "points wrong"], rows)]
    )
