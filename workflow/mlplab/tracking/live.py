"""Sends the epochs of a run to MLflow while it trains, where the config asks for it.

Training neither waits for it nor fails by it: a thread of its own sends what it can, and tries
again with the next epoch. What it has begun `send` completes from the record, as any half-sent run.
"""

import queue
import threading
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from mlflow import MlflowClient
from mlflow.entities import Metric, Param, RunTag

from mlplab.files import read_json
from mlplab.study import colors
from mlplab.study.grid import Run
from mlplab.tracking import entities
from mlplab.tracking.store import BRIEF_TIMEOUT, patience, reaching
from mlplab.tracking.study import KIND_TAG, LIVE_TAG, RUN_TAG, delete_runs, open_study
from mlplab.tracking.uri import tracking_uri

# Seconds that a run which has ended waits for a request that is under way.
PARTING = 1.0

Row = Mapping[str, Any]


class Live:
    """Observes the epochs of a run, from anywhere, and sends them from a thread."""

    def __init__(self, run: Run, dataset: str, uri: str | None, study: Path) -> None:
        """`study` is the study's study.json, which may not be there yet."""
        self._run, self._dataset = run, dataset
        self._uri, self._study = tracking_uri(uri), study
        self._rows: queue.SimpleQueue[Row | None] = queue.SimpleQueue()
        self._started = time.time_ns() // 1_000_000
        self._place: tuple[MlflowClient, str] | None = None
        self._told = False
        self._thread = threading.Thread(target=self._work, name="live tracking", daemon=True)
        self._thread.start()

    def __call__(self, row: Row) -> None:
        """Take an epoch, a row of history.csv; returns at once."""
        self._rows.put(row)

    def close(self) -> None:
        """Send no more; what is missing is sent with the record."""
        self._rows.put(None)
        self._thread.join(PARTING)

    def _work(self) -> None:
        waiting: list[Row] = []
        while (row := self._rows.get()) is not None:
            waiting.append(row)
            # What piled up while a request took its time goes with the next.
            while not self._rows.empty():
                if (row := self._rows.get()) is None:
                    return
                waiting.append(row)
            try:
                self._send(waiting)
            except Exception as error:
                if not self._told:
                    print(f"live tracking: {error}; what is missing is sent with the record")
                self._told = True
            else:
                waiting.clear()

    def _send(self, rows: list[Row]) -> None:
        if not self._study.exists():
            raise FileNotFoundError(f"{self._study} is not there yet")
        with patience(BRIEF_TIMEOUT), reaching(self._uri):
            client, run_id = self._place or self._begin()
            points = [point for row in rows for point in entities.of_epoch(row)]
            at_once = entities.METRICS_PER_REQUEST
            for start in range(0, len(points), at_once):
                client.log_batch(run_id, points[start : start + at_once])

    def _begin(self) -> tuple[MlflowClient, str]:
        """A run for this training; what an attempt before it has begun is deleted."""
        study = read_json(self._study)
        client, experiment = open_study(self._uri, study), study["experiment_id"]
        found = client.search_runs([experiment], f"tags.`{RUN_TAG}` = '{self._run.path}'")
        delete_runs(client, (run for run in found if LIVE_TAG in run.data.tags))
        tags = {RUN_TAG: self._run.path, LIVE_TAG: "true", KIND_TAG: "run"}
        tags[entities.COLOR_TAG] = colors.of_activation(self._run.activation)
        made = client.create_run(
            experiment, start_time=self._started, run_name=self._run.path, tags=tags
        )
        identity = ("implementation", "activation", "seed")
        values = {name: getattr(self._run, name) for name in identity} | self._run.settings
        values["dataset"] = self._dataset
        params = [Param(name, entities.text(value)) for name, value in values.items()]
        sources = [RunTag(*tag) for tag in entities.source().items()]
        client.log_batch(made.info.run_id, list[Metric](), params, sources)
        self._place = client, str(made.info.run_id)
        return self._place
