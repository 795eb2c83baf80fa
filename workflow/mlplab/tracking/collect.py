"""Reads a study's runs back from MLflow, after it has sent what MLflow does not hold yet."""

from collections.abc import Callable, Iterator, Mapping
from functools import partial
from typing import Any

from mlflow import MlflowClient
from mlflow.entities import Run, ViewType

from mlplab.errors import UserError
from mlplab.study.documents import Manifest
from mlplab.study.record import RunFiles, collection_paused
from mlplab.tracking import entities
from mlplab.tracking.models import Networks
from mlplab.tracking.send import deliver
from mlplab.tracking.store import PATIENT_TIMEOUT, StoreAway, patience, patiently, reaching
from mlplab.tracking.study import (
    KIND_TAG,
    RUN_TAG,
    Result,
    delete_runs,
    lost,
    open_study,
    undisturbed,
)

PAGE = 1000


def _pages(client: MlflowClient, experiment_id: str) -> Iterator[Run]:
    token = None
    while True:
        page = client.search_runs(
            [experiment_id],
            f"tags.`{KIND_TAG}` = 'run'",
            ViewType.ACTIVE_ONLY,
            max_results=PAGE,
            page_token=token,
        )
        yield from page
        token = page.token
        if not token:
            return


def read_runs(
    uri: str, study: Mapping[str, Any], run_ids: Mapping[str, str]
) -> dict[str, dict[str, Any]]:
    """What MLflow holds of exactly these runs: path → run_id, status, parameters and metrics.

    `run_ids` maps a run's path to its MLflow run. A live run of the same path with another id (left
    by a sender that was killed) is deleted, so that the UI shows each run once. Raises UserError
    where runs are missing, StoreAway where the store is away.
    """
    with patience(PATIENT_TIMEOUT):
        found = _read(uri, study, run_ids)
    missing = [path for path in run_ids if path not in found]
    if missing:
        raise lost(study, f"{len(missing)} of {len(run_ids)} runs, for example {missing[0]}")
    return found


def _read(
    uri: str, study: Mapping[str, Any], run_ids: Mapping[str, str]
) -> dict[str, dict[str, Any]]:
    """As `read_runs`, of those runs that are there; where one is missing, nothing is deleted."""
    client = open_study(uri, study)
    found, others = {}, []
    with reaching(uri), collection_paused():
        for run in _pages(client, study["experiment_id"]):
            path = run.data.tags.get(RUN_TAG, "")
            if path not in run_ids:
                continue
            if run.info.run_id != run_ids[path]:
                others.append(run)
                continue
            found[path] = {
                "run_id": run.info.run_id,
                "status": run.data.tags["status"],
                "parameters": {key: entities.value(text) for key, text in run.data.params.items()},
                "metrics": dict(run.data.metrics),
            }
    # After the last page: a deletion shifts the pages that follow.
    if len(found) == len(run_ids):
        with reaching(uri):
            undisturbed(lambda: delete_runs(client, others))
    return found


def collect_runs(
    uri: str,
    study: Mapping[str, Any],
    runs: Mapping[str, RunFiles],
    tracked: Mapping[str, Mapping[str, str]],
    manifest: Manifest,
    study_digest: str,
    wait_seconds: float,
    tell: Callable[[str], None] = print,
    networks: Networks | None = None,
) -> dict[str, dict[str, Any]]:
    """As `read_runs`, of all runs; those that MLflow does not hold are sent first.

    `runs` and `tracked` map a run's path to its record and to what `track_runs` returned for it.
    With `networks` what is sent has models. `tell` is told what is waited for. Raises UserError
    where the store is away for `wait_seconds`.
    """
    run_ids = {path: tracked[path].get("run_id", "") for path in runs}

    def insist(action: Callable[[], Result]) -> Result:
        return patiently(action, wait_seconds, tell)

    with patience(PATIENT_TIMEOUT):
        try:
            found = insist(lambda: _read(uri, study, run_ids))
            missing = [path for path in runs if path not in found]
            for path in missing:
                send = partial(deliver, uri, study, runs[path], manifest, study_digest, networks)
                sent = insist(send)
                run_ids[path] = sent["run_id"]
                print(f"sent {path}: MLflow run {run_ids[path]}")
            return insist(lambda: read_runs(uri, study, run_ids)) if missing else found
        except StoreAway as away:
            left = sum(not run_id for run_id in run_ids.values())
            raise UserError(
                f"{away.store} has been away for {wait_seconds:g} s ({away.reason}); "
                f"{left} of {len(runs)} runs wait to be sent to it, and no table is made without "
                "it. All records are on disk: start it and run the same command, which sends what "
                "is missing and trains nothing again"
            ) from away
