"""A study in MLflow: its experiment, and the summary run that holds its tables and its report.

`start_study` makes the store and the experiment before any run is sent, since MLflow's schema
migration does not bear company.
"""

from collections.abc import Callable, Iterable, Mapping
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

from mlflow import MlflowClient
from mlflow.entities import Experiment, Run
from mlflow.exceptions import MlflowException

from mlplab.addresses import without_credentials
from mlplab.commands import again
from mlplab.errors import UserError
from mlplab.tracking import sqlite
from mlplab.tracking.store import (
    BRIEF_SECONDS,
    BRIEF_TIMEOUT,
    connect,
    is_away,
    is_database,
    patience,
    patiently,
    reaching,
)
from mlplab.tracking.view import VIEW_TAG, saved_view

LOCAL_ARTIFACTS = Path("results/mlflow/artifacts")

# Tags of ours; the run's path identifies it within its experiment, the record one training of it.
RUN_TAG = "mlplab.run"
RECORD_TAG = "mlplab.record"
KIND_TAG = "mlplab.kind"
# Of a run that is sent while it trains, until its record is there.
LIVE_TAG = "mlplab.live"

# Of a study's run: "yes" or "no", where there was another one.
KEPT_PARAM = "study_run"

# Another sender of the same run, or of the first run of a data set, may be in the way.
ATTEMPTS = 3

Result = TypeVar("Result")


def start_study(uri: str, study: str, scored_on: str = "test") -> dict[str, Any]:
    """Create the store, the study's experiment and its summary run, unless they are there.

    `scored_on` is the split that its runs are scored on. Returns what later steps need to find
    them: study, tracking_uri (without credentials), experiment_id and study_run_id. Raises
    UserError where the store cannot be used.
    """

    def start() -> dict[str, Any]:
        client = connect(uri)
        with reaching(uri):
            return undisturbed(lambda: _start(client, uri, study, scored_on))

    with patience(BRIEF_TIMEOUT):
        return patiently(start, BRIEF_SECONDS)


def _start(client: MlflowClient, uri: str, study: str, scored_on: str) -> dict[str, Any]:
    experiment = client.get_experiment_by_name(study)
    if experiment is None:
        # MLflow makes a relative location absolute; here it is so on purpose. A server has its own.
        artifacts = local_artifacts(study).as_uri() if is_database(uri) else None
        experiment_id = client.create_experiment(study, artifact_location=artifacts)
    else:
        experiment_id = experiment.experiment_id
        if experiment.lifecycle_stage == "deleted":
            client.restore_experiment(experiment_id)
        _keep_artifacts_here(uri, experiment)
    created = client.get_experiment(experiment_id).creation_time or 0
    client.set_experiment_tag(experiment_id, VIEW_TAG, saved_view(scored_on, created))

    tags = {KIND_TAG: "study"}
    kept = one(
        partial(_kept, client, experiment_id),
        lambda: client.create_run(experiment_id, run_name=f"study {study}", tags=tags),
    )
    return {
        "study": study,
        "tracking_uri": without_credentials(uri),
        "experiment_id": experiment_id,
        "study_run_id": kept.info.run_id,
    }


def _kept(client: MlflowClient, experiment_id: str) -> Run | None:
    """The study's run, of those that are there the one that is kept; the others are deleted.

    Others may look at the same moment. MLflow never changes a parameter: who writes it first
    decides what becomes of a run, and who comes later is refused and has to begin anew.
    """

    def fate(run: Run) -> str | None:
        return run.data.params.get(KEPT_PARAM)

    order = ["yes", None, "no"]
    found = client.search_runs([experiment_id], f"tags.`{KIND_TAG}` = 'study'")
    runs = sorted(found, key=lambda run: (order.index(fate(run)), run.info.run_id))
    if not runs or fate(runs[0]) == "no":
        return None
    kept, *others = runs
    for run in others:
        if fate(run) is None:
            client.log_param(run.info.run_id, KEPT_PARAM, "no")
    client.log_param(kept.info.run_id, KEPT_PARAM, "yes")
    delete_runs(client, others)
    return kept


def local_artifacts(study: str) -> Path:
    """The folder of a study's artifacts, where no server keeps them."""
    return (LOCAL_ARTIFACTS / study).absolute()


def _keep_artifacts_here(uri: str, experiment: Experiment) -> None:
    """A store that lies in this folder was moved with it: so were its artifacts."""
    file, here = sqlite.path_of(uri), local_artifacts(experiment.name)
    inside = file and file.absolute().is_relative_to(Path.cwd())
    if file and inside and experiment.artifact_location != here.as_uri():
        sqlite.move(file, experiment.experiment_id, experiment.artifact_location, here)


def undisturbed(action: Callable[[], Result]) -> Result:
    """What `action` returns, begun anew where the store refuses what another sender did first."""
    for _ in range(ATTEMPTS - 1):
        try:
            return action()
        except MlflowException as error:
            if is_away(error):
                raise
    return action()


def one(look: Callable[[], Run | None], create: Callable[[], object]) -> Run:
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
    """Delete runs and their models; MLflow keeps them until they are purged."""
    for run in runs:
        for model in client.search_logged_models(
            [run.info.experiment_id], f"source_run_id = '{run.info.run_id}'"
        ):
            client.delete_logged_model(model.model_id)
        client.delete_run(run.info.run_id)


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
    with reaching(uri):
        _keep_artifacts_here(uri, experiment)
    return client


def lost(study: Mapping[str, Any], what: str) -> UserError:
    """What to raise where MLflow does not hold `what` of a study."""
    return UserError(
        f"MLflow ({study['tracking_uri']}, experiment {study['study']!r}) does not hold {what}; "
        f"send the runs again, without training: {again('start_study')}"
    )
