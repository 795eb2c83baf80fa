"""Sends runs to MLflow and reads them back. The record on disk comes first; MLflow follows it.

`track_runs` sends runs while others train, and leaves what it cannot send; `collect_runs` sees to
it that all are there, each once. `start_study` makes the store and the experiment before any run is
sent, since MLflow's schema migration does not bear company.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

from mlflow import MlflowClient
from mlflow.entities import Param, Run, RunStatus, RunTag, ViewType
from mlflow.exceptions import MlflowException

from mlplab import mlflow_entities
from mlplab.addresses import without_credentials
from mlplab.errors import UserError
from mlplab.files import value_digest
from mlplab.mlflow_store import (
    StoreAway,
    connect,
    is_away,
    is_database,
    patience,
    patiently,
    reaching,
)
from mlplab.record import RunFiles, RunRecord, collection_paused

LOCAL_ARTIFACTS = Path("results/mlflow/artifacts")

# Tags of ours; the run's path identifies it within its experiment, the record one training of it.
RUN_TAG = "mlplab.run"
RECORD_TAG = "mlplab.record"
KIND_TAG = "mlplab.kind"

# A request holds 1,000 metrics, parameters and tags together: room is left for the latter.
METRICS_PER_REQUEST = 800
PAGE = 1000

# While runs train, a job asks a store that is away for so long, and waits so long for an answer;
# before the tables the config says how long it asks, and a page of many runs may take its time.
BRIEF_SECONDS, BRIEF_TIMEOUT = 5, 10
PATIENT_TIMEOUT = 60
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
            return _undisturbed(lambda: _start(client, uri, study))

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
        _delete(client, found[1:])
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


def _undisturbed(action: Callable[[], Result]) -> Result:
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


def _delete(client: MlflowClient, runs: Iterable[Run]) -> None:
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
            send = partial(_deliver, uri, study, files, manifest, study_digest)
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


def _deliver(
    uri: str,
    study: Mapping[str, Any],
    files: RunFiles,
    manifest: Mapping[str, Any],
    study_digest: str,
) -> dict[str, str]:
    """Send one run. Raises StoreAway where the store is away."""
    client = _open(uri, study)
    record, digest = files.load(), files.digest()
    with reaching(uri):
        return _undisturbed(
            lambda: _send(client, study, files, record, digest, manifest, study_digest)
        )


def _open(uri: str, study: Mapping[str, Any]) -> MlflowClient:
    """A client of the store that holds the study. Raises UserError where it does not (any more)."""
    client = connect(uri)
    with reaching(uri):
        try:
            experiment = client.get_experiment(study["experiment_id"])
        except MlflowException as error:
            if error.error_code != "RESOURCE_DOES_NOT_EXIST":
                raise
            raise _lost(study, "the study's experiment") from error
    # In another database the same number may be another study's.
    if experiment.name != study["study"] or experiment.lifecycle_stage == "deleted":
        raise _lost(study, "the study's experiment")
    return client


def _lost(study: Mapping[str, Any], what: str) -> UserError:
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
        _delete(client, (run for run in found if run not in same[:1]))
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
        raise _lost(study, f"{len(missing)} of {len(run_ids)} runs, for example {missing[0]}")
    return found


def _read(
    uri: str, study: Mapping[str, Any], run_ids: Mapping[str, str]
) -> dict[str, dict[str, Any]]:
    """As `read_runs`, of those runs that are there; where one is missing, nothing is deleted."""
    client = _open(uri, study)
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
                "parameters": {
                    key: mlflow_entities.value(text) for key, text in run.data.params.items()
                },
                "metrics": dict(run.data.metrics),
            }
    # After the last page: a deletion shifts the pages that follow.
    if len(found) == len(run_ids):
        with reaching(uri):
            _undisturbed(lambda: _delete(client, others))
    return found


def collect_runs(
    uri: str,
    study: Mapping[str, Any],
    runs: Mapping[str, RunFiles],
    tracked: Mapping[str, Mapping[str, str]],
    manifest: Mapping[str, Any],
    study_digest: str,
    wait_seconds: float,
    tell: Callable[[str], None] = print,
) -> dict[str, dict[str, Any]]:
    """As `read_runs`, of all runs; those that MLflow does not hold are sent first.

    `runs` and `tracked` map a run's path to its record and to what `track_runs` returned for it.
    `tell` is told what is waited for. Raises UserError where the store is away for `wait_seconds`.
    """
    run_ids = {path: tracked[path].get("run_id", "") for path in runs}

    def insist(action: Callable[[], Result]) -> Result:
        return patiently(action, wait_seconds, tell)

    with patience(PATIENT_TIMEOUT):
        try:
            found = insist(lambda: _read(uri, study, run_ids))
            missing = [path for path in runs if path not in found]
            for path in missing:
                send = partial(_deliver, uri, study, runs[path], manifest, study_digest)
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


def publish_study(
    uri: str,
    study: Mapping[str, Any],
    config: Mapping[str, Any],
    artifacts: Mapping[str, Sequence[str]],
    wait_seconds: float,
    tell: Callable[[str], None] = print,
) -> None:
    """Keep a study's figures, tables and report as artifacts of its summary run.

    `artifacts` maps a folder of the run's artifacts to the files that go there. `tell` is told what
    is waited for. Raises StoreAway where the store is away for `wait_seconds`.
    """

    def publish() -> None:
        client, run_id = _open(uri, study), study["study_run_id"]
        with reaching(uri):
            client.log_dict(run_id, dict(config), "config.json")
            for folder, paths in artifacts.items():
                for path in paths:
                    client.log_artifact(run_id, path, folder)
            client.set_tag(run_id, "study_digest", value_digest(config))
            client.set_terminated(run_id)

    with patience(PATIENT_TIMEOUT):
        patiently(publish, wait_seconds, tell)
