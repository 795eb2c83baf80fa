"""Sends runs to MLflow. The record on disk comes first; MLflow follows it.

`track_runs` sends runs while others train, and leaves what it cannot send to `collect`.
"""

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any

from mlflow import MlflowClient
from mlflow.entities import Param, Run, RunStatus, RunTag

from mlplab.study.documents import Manifest
from mlplab.study.record import RunFiles, RunRecord
from mlplab.tracking import entities
from mlplab.tracking.store import (
    BRIEF_SECONDS,
    BRIEF_TIMEOUT,
    StoreAway,
    patience,
    patiently,
    reaching,
)
from mlplab.tracking.study import (
    KIND_TAG,
    RECORD_TAG,
    RUN_TAG,
    delete_runs,
    one,
    open_study,
    undisturbed,
)


def track_runs(
    uri: str,
    study: Mapping[str, Any],
    runs: Sequence[RunFiles],
    manifest: Manifest,
    study_digest: str,
    tell: Callable[[str], None] = print,
) -> list[dict[str, str]]:
    """Send each run's record to MLflow, once: the same record always ends in the same MLflow run.

    An MLflow run that holds an earlier training of the same run is deleted. Returns experiment_id
    and run_id of each; from the first on that finds the store away, `deferred` with the reason, of
    which `tell` is told.
    """
    sent: list[dict[str, str]] = []
    with patience(BRIEF_TIMEOUT):
        for files in runs:
            send = partial(deliver, uri, study, files, manifest, study_digest)
            try:
                sent.append(patiently(send, BRIEF_SECONDS))
            except StoreAway as away:
                left = len(runs) - len(sent)
                which = f"{files.run.parent}{f' and {left - 1} more' if left > 1 else ''}"
                tell(
                    f"{away.store} is away ({away.reason}): {which} will be sent before the tables"
                )
                return sent + [{"deferred": away.reason}] * left
    return sent


def deliver(
    uri: str,
    study: Mapping[str, Any],
    files: RunFiles,
    manifest: Manifest,
    study_digest: str,
) -> dict[str, str]:
    """Send one run. Raises StoreAway where the store is away."""
    client = open_study(uri, study)
    record, digest = files.load(), files.digest()
    with reaching(uri):
        return undisturbed(
            lambda: _send(client, study, files, record, digest, manifest, study_digest)
        )


def _send(
    client: MlflowClient,
    study: Mapping[str, Any],
    files: RunFiles,
    record: RunRecord,
    digest: str,
    manifest: Manifest,
    study_digest: str,
) -> dict[str, str]:
    """Send one run, or what is missing of it.

    Two senders may be at it, such as a job on a node that was taken for dead. Who finds its run
    deleted by the other is refused, begins anew and goes on with the other's. Points, parameters
    and tags that are there already are kept once.
    """
    path, experiment_id = record.run.run, study["experiment_id"]
    failed = record.run.status == "failed"
    ended = RunStatus.to_string(RunStatus.FAILED if failed else RunStatus.FINISHED)

    def live() -> Run | None:
        found = client.search_runs([experiment_id], f"tags.`{RUN_TAG}` = '{path}'")
        same = [run for run in found if run.data.tags.get(RECORD_TAG) == digest]
        # One that is complete may be what another sender has reported: it comes first.
        same.sort(key=lambda run: (run.info.status != ended, run.info.run_id))
        delete_runs(client, (run for run in found if run not in same[:1]))
        return same[0] if same else None

    tags = {RUN_TAG: path, RECORD_TAG: digest, KIND_TAG: "run"}
    started = record.run.started
    run = one(
        live,
        lambda: client.create_run(experiment_id, start_time=started, run_name=path, tags=tags),
    )
    run_id = run.info.run_id
    if run.info.status != ended:
        _log(client, run_id, record, study_digest)
        client.log_inputs(run_id, entities.dataset_inputs(manifest, record))
        for file in files.all():
            client.log_artifact(run_id, str(file))
        client.set_terminated(run_id, ended, end_time=record.run.ended)
    return {"experiment_id": experiment_id, "run_id": run_id}


def _log(client: MlflowClient, run_id: str, record: RunRecord, study_digest: str) -> None:
    params = [
        Param(key, entities.text(value)) for key, value in entities.parameters(record).items()
    ]
    tags = [RunTag(*tag) for tag in entities.tags(record, study_digest).items()]
    metrics = entities.metrics(record)
    at_once = entities.METRICS_PER_REQUEST
    client.log_batch(run_id, metrics[:at_once], params, tags)
    for start in range(at_once, len(metrics), at_once):
        client.log_batch(run_id, metrics[start : start + at_once])
