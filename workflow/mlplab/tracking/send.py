"""Sends runs to MLflow. The record on disk comes first; MLflow follows it.

`track_runs` sends runs while others train, and leaves what it cannot send to `collect`.
"""

import math
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any

from mlflow import MlflowClient
from mlflow.entities import Param, Run, RunStatus, RunTag

from mlplab.study import metrics
from mlplab.study.documents import Manifest
from mlplab.study.record import RunFiles, RunRecord
from mlplab.tracking import entities, models
from mlplab.tracking.models import Networks
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
    LIVE_TAG,
    RECORD_TAG,
    RUN_TAG,
    delete_runs,
    one,
    open_study,
    undisturbed,
)

NO_MODEL_TAG = "no_model"


def track_runs(
    uri: str,
    study: Mapping[str, Any],
    runs: Sequence[RunFiles],
    manifest: Manifest,
    study_digest: str,
    tell: Callable[[str], None] = print,
    networks: Networks | None = None,
) -> list[dict[str, str]]:
    """Send each run's record to MLflow, once: the same record always ends in the same MLflow run.

    An MLflow run that holds an earlier training of the same run is deleted. With `networks` each
    has its network as a model, where there can be one. Returns experiment_id and run_id of each;
    from the first on that finds the store away, `deferred` with the reason, which `tell` is told.
    """
    sent: list[dict[str, str]] = []
    with patience(BRIEF_TIMEOUT):
        for files in runs:
            send = partial(deliver, uri, study, files, manifest, study_digest, networks)
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
    networks: Networks | None = None,
) -> dict[str, str]:
    """Send one run. Raises StoreAway where the store is away."""
    client = open_study(uri, study)
    record, digest = files.load(), files.digest()
    with reaching(uri):
        return undisturbed(
            lambda: _send(client, study, files, record, digest, manifest, study_digest, networks)
        )


def _send(
    client: MlflowClient,
    study: Mapping[str, Any],
    files: RunFiles,
    record: RunRecord,
    digest: str,
    manifest: Manifest,
    study_digest: str,
    networks: Networks | None,
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
        same = [
            run
            for run in found
            if run.data.tags.get(RECORD_TAG) == digest
            and not (run.info.status == ended and _was_changed(run, record))
        ]
        if not same:
            same = [run for run in found if _is_of(client, run, record)][:1]
            for run in same:
                client.set_tag(run.info.run_id, RECORD_TAG, digest)
                client.delete_tag(run.info.run_id, LIVE_TAG)
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
        why_not = models.obstacle(record, files, manifest, networks) if networks else ""
        keeps = networks is not None and not why_not
        model_id = models.create(client, experiment_id, run_id) if keeps else None
        _log(client, run_id, record, study_digest, model_id, why_not)
        client.log_inputs(run_id, entities.dataset_inputs(manifest, record))
        # The parameters are in the model, where there is one.
        for file in files.all():
            if not (model_id and file == files.parameters):
                client.log_artifact(run_id, str(file))
        if networks and model_id:
            models.fill(client, run_id, model_id, record, files, manifest, networks)
        client.set_terminated(run_id, ended, end_time=record.run.ended)
    return {"experiment_id": experiment_id, "run_id": run_id}


def _was_changed(run: Run, record: RunRecord) -> bool:
    """Whether a complete run says other numbers in MLflow than its record: somebody edited them."""
    return any(
        # MLflow keeps others in its own ways.
        math.isfinite(value) and run.data.metrics.get(name) != value
        for name, value in metrics.of_run(record).items()
    )


def _is_of(client: MlflowClient, run: Run, record: RunRecord) -> bool:
    """Whether a run that was sent live is of this training: it has no point of another."""
    if LIVE_TAG not in run.data.tags:
        return False
    known = {(row["epoch"], row["timestamp"]) for row in record.history}
    points = client.get_metric_history(run.info.run_id, "training_loss")
    return all((point.step, point.timestamp) in known for point in points)


def _log(
    client: MlflowClient,
    run_id: str,
    record: RunRecord,
    study_digest: str,
    model_id: str | None,
    why_no_model: str,
) -> None:
    params = [
        Param(key, entities.text(value)) for key, value in entities.parameters(record).items()
    ]
    tags = [RunTag(*tag) for tag in entities.tags(record, study_digest).items()]
    if why_no_model:
        tags.append(RunTag(NO_MODEL_TAG, why_no_model))
    points = entities.metrics(record, model_id)
    at_once = entities.METRICS_PER_REQUEST
    client.log_batch(run_id, points[:at_once], params, tags)
    for start in range(at_once, len(points), at_once):
        client.log_batch(run_id, points[start : start + at_once])
