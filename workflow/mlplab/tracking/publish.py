"""A finished study in MLflow: its files, its note and its numbers, in its summary run."""

import math
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from mlflow import MlflowClient
from mlflow.entities import Metric, RunTag

from mlplab.files import value_digest
from mlplab.tracking import entities
from mlplab.tracking.notes import NOTE_TAG
from mlplab.tracking.registry import register
from mlplab.tracking.store import PATIENT_TIMEOUT, patience, patiently, reaching
from mlplab.tracking.study import open_study


@dataclass(frozen=True)
class Champion:
    """The run whose network is registered, and what is said of it."""

    run_id: str
    card: str


def publish_study(
    uri: str,
    study: Mapping[str, Any],
    config: Mapping[str, Any],
    artifacts: Mapping[str, Sequence[str]],
    note: str,
    metrics: Mapping[str, float],
    wait_seconds: float,
    tell: Callable[[str], None] = print,
    champion: Champion | None = None,
) -> dict[str, str] | None:
    """Keep a study's figures, tables and report as artifacts of its summary run.

    `artifacts` maps a folder of the run's artifacts to the files that go there. The `note` is that
    of run and experiment, `metrics` are the run's. The `champion` is registered: returns name and
    version, None where there is no model of it. `tell` is told what is waited for. Raises StoreAway
    where the store is away for `wait_seconds`.
    """

    def publish() -> dict[str, str] | None:
        client, run_id = open_study(uri, study), study["study_run_id"]
        with reaching(uri):
            client.set_experiment_tag(study["experiment_id"], NOTE_TAG, note)
            tags = {**entities.source(), NOTE_TAG: note, "study_digest": value_digest(config)}
            _log_summary(client, run_id, metrics, tags)
            client.log_dict(run_id, dict(config), "config.json")
            for folder, paths in artifacts.items():
                for path in paths:
                    client.log_artifact(run_id, path, folder)
            client.set_terminated(run_id)
            if champion is None:
                return None
            return register(client, study, champion.run_id, champion.card)

    with patience(PATIENT_TIMEOUT):
        return patiently(publish, wait_seconds, tell)


def _log_summary(
    client: MlflowClient, run_id: str, metrics: Mapping[str, float], tags: Mapping[str, str]
) -> None:
    now = time.time_ns() // 1_000_000
    # What an earlier grid had would stay for good: MLflow deletes no metric.
    gone = client.get_run(run_id).data.metrics.keys() - metrics.keys()
    values = {**metrics, **dict.fromkeys(sorted(gone), math.nan)}
    points = [Metric(name, value, now, 0) for name, value in values.items()]
    client.log_batch(run_id, tags=[RunTag(*tag) for tag in tags.items()])
    for start in range(0, len(points), entities.METRICS_PER_REQUEST):
        client.log_batch(run_id, points[start : start + entities.METRICS_PER_REQUEST])
