"""Sends runs to MLflow. The record on disk comes first; MLflow follows it.

`track_runs` sends runs while others train, and leaves what it cannot send to `collecting`.
`start_study` makes the store and the experiment before any run is sent, since MLflow's schema
migration does not bear company.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

from mlflow import MlflowClient
from mlflow.entities import Param, Run, RunStatus, RunTag
from mlflow.exceptions import MlflowException

from mlplab import mlflow_entities
from mlplab.addresses import without_credentials
from mlplab.errors import UserError
from mlplab.mlflow_store import (
    StoreAway,
    connect,
    is_away,
    is_database,
    patience,
    patiently,
    reaching,
)
from mlplab.record import RunFiles, RunRecord

LOCAL_ARTIFACTS = Path("results/mlflow/artifacts")

# Tags of ours; the run's path identifies it within its experiment, the record one training of it.
RUN_TAG = "mlplab.run"
RECORD_TAG = "mlplab.record"
KIND_TAG = "mlplab.kind"

# A request holds 1,000 metrics, parameters and tags together: room is left for the latter.
METRICS_PER_REQUEST = 800

# While runs train, a job asks a store that is away for so long, and waits so long for an answer.
BRIEF_SECONDS, BRIEF_TIMEOUT = 5, 10
# Another sender of the same run, or of the first run of a data set, may be in the way.
ATTEMPTS = 3

Result = TypeVar("Result")


def start_study(uri: str, study: str) -> dict[str, Any]:
    """Create the store, the study's experiment and its summary run, unless they are there.

    Returns what later steps need to find them: study, tracking_uri (without credentials),
    experiment_id and study_run_id. Raises UserError where the store cannot be used.
    """

    def start() -> dict[str, Any]:
        client = connect(uri)
        with reaching(uri):
            return undisturbed(lambda: _start(client, uri, study))

    if uri.startswith("sqlite:///"):
        with reaching(uri):
            Path(uri.removeprefix("sqlite:///")).parent.mkdir(parents=True, exist_ok=True)
    with patience(BRIEF_TIMEOUT):
        return patiently(start, BRIEF_SECONDS)


def _start(client: MlflowClient, uri: str, study: str) -> dict[str, Any]:
    experiment = client.get_experiment_by_name(study)
    if experiment is None:
        # MLflow makes a relative location absolute; here it is so on purpose. A server has its own.
        artifacts = (LOCAL_ARTIFACTS / study).absolute().as_uri() if is_database(uri) else None
        experiment_id = client.create_experiment(study, artifact_location=artifacts)
    else:
        experiment_id = experiment.experiment_id
        if experiment.lifecycle_stage == "deleted":
            client.restore_experiment(experiment_id)

    def summary() -> Run | None:
        runs = client.search_runs([experiment_id], f"tags.`{KIND_TAG}` = 'study'")
        found = sorted(runs, key=lambda run: run.info.run_id)
        delete_runs(client, found[1:])
        return found[0] if found else None

    tags = {KIND_TAG: "study"}
    kept = _one(
        summary, lambda: client.create_run(experiment_id, run_name=f"study {study}", tags=tags)
    )
    return {
        "study": study,
        "tracking_uri": without_credentials(uri),
        "experiment_id": experiment_id,
        "study_run_id": kept.info.run_id,
    }


def undisturbed(action: Callable[[], Result]) -> Result:
    """What `action` returns, begun anew where the store refuses what another sender did first."""
    for _ in range(ATTEMPTS - 1):
        try:
            return action()
        except MlflowException as error:
            if is_away(error):
                raise
    return action()


def _one(look: Callable[[], Run | None], create: Callable[[], object]) -> Run:
    """The run that `look` finds, created where there is none.

    It is looked for once more after that: another sender may have created one as well. `look`
    deletes all but one, and whoever looks chooses alike.
    """
    found = look()
    if found is None:
        create()
        found = look()
    if found is None:
        raise MlflowException("a run was deleted while it was created")
    return found


def delete_runs(client: MlflowClient, runs: Iterable[Run]) -> None:
    """Delete runs; MLflow keeps them until they are purged."""
    for run in runs:
        client.delete_run(run.info.run_id)


def track_runs(
    uri: str,
    study: Mapping[str, Any],
    runs: Sequence[RunFiles],
    manifest: Mapping[str, Any],
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
    manifest: Mapping[str, Any],
    study_digest: str,
) -> dict[str, str]:
    """Send one run. Raises StoreAway where the store is away."""
    client = open_study(uri, study)
    record, digest = files.load(), files.digest()
    with reaching(uri):
        return undisturbed(
            lambda: _send(client, study, files, record, digest, manifest, study_digest)
        )


def open_study(uri: str, study: Mapping[str, Any]) -> MlflowClient:
    """A client of the store that holds the study. Raises UserError where it does not (any more)."""
    client = connect(uri)
    with reaching(uri):
        try:
            experiment = client.get_experiment(study["experiment_id"])
        except MlflowException as error:
            if error.error_code != "RESOURCE_DOES_NOT_EXIST":
                raise
            raise lost(study, "the study's experiment") from error
    # In another database the same number may be another study's.
    if experiment.name != study["study"] or experiment.lifecycle_stage == "deleted":
        raise lost(study, "the study's experiment")
    return client


def lost(study: Mapping[str, Any], what: str) -> UserError:
    """What to raise where MLflow does not hold `what` of a study."""
    return UserError(
        f"MLflow ({study['tracking_uri']}, experiment {study['study']!r}) does not hold {what}; "
        "send the runs again, without training: snakemake --cores all --forcerun start_study"
    )


def _send(
    client: MlflowClient,
    study: Mapping[str, Any],
    files: RunFiles,
    record: RunRecord,
    digest: str,
    manifest: Mapping[str, Any],
    study_digest: str,
) -> dict[str, str]:
    """Send one run, or what is missing of it.

    Two senders may be at it, such as a job on a node that was taken for dead. Who finds its run
    deleted by the other is refused, begins anew and goes on with the other's. Points, parameters
    and tags that are there already are kept once.
    """
    path, experiment_id = record.run["run"], study["experiment_id"]
    failed = record.run["status"] == "failed"
    ended = RunStatus.to_string(RunStatus.FAILED if failed else RunStatus.FINISHED)

    def live() -> Run | None:
        found = client.search_runs([experiment_id], f"tags.`{RUN_TAG}` = '{path}'")
        same = [run for run in found if run.data.tags.get(RECORD_TAG) == digest]
        # One that is complete may be what another sender has reported: it comes first.
        same.sort(key=lambda run: (run.info.status != ended, run.info.run_id))
        delete_runs(client, (run for run in found if run not in same[:1]))
        return same[0] if same else None

    tags = {RUN_TAG: path, RECORD_TAG: digest, KIND_TAG: "run"}
    started = record.run["started"]
    run = _one(
        live,
        lambda: client.create_run(experiment_id, start_time=started, run_name=path, tags=tags),
    )
    run_id = run.info.run_id
    if run.info.status != ended:
        _log(client, run_id, record, study_digest)
        client.log_inputs(run_id, [mlflow_entities.dataset_input(manifest)])
        for file in files.all():
            client.log_artifact(run_id, str(file))
        client.set_terminated(run_id, ended, end_time=record.run["ended"])
    return {"experiment_id": experiment_id, "run_id": run_id}


def _log(client: MlflowClient, run_id: str, record: RunRecord, study_digest: str) -> None:
    params = [
        Param(key, mlflow_entities.text(value))
        for key, value in mlflow_entities.parameters(record).items()
    ]
    tags = [RunTag(*tag) for tag in mlflow_entities.tags(record, study_digest).items()]
    metrics = list(mlflow_entities.metrics(record))
    client.log_batch(run_id, metrics[:METRICS_PER_REQUEST], params, tags)
    for start in range(METRICS_PER_REQUEST, len(metrics), METRICS_PER_REQUEST):
        client.log_batch(run_id, metrics[start : start + METRICS_PER_REQUEST])
