"""MLflow: the only module that knows it. The record on disk comes first; this sends and reads back.

Nothing here is created by two processes at once: `start_study` makes the store and the experiment
before any run is sent, since MLflow's schema migration does not bear company.
"""

import json
import os
import urllib.parse
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from mlflow import MlflowClient
from mlflow.entities import (
    Dataset,
    DatasetInput,
    InputTag,
    Metric,
    Param,
    Run,
    RunStatus,
    RunTag,
    ViewType,
)
from mlflow.utils.mlflow_tags import MLFLOW_GIT_COMMIT, MLFLOW_SOURCE_NAME

from mlplab.errors import UserError
from mlplab.files import value_digest
from mlplab.record import RunFiles, RunRecord, collection_paused

DEFAULT_URI = "sqlite:///results/mlflow/mlflow.db"
LOCAL_ARTIFACTS = Path("results/mlflow/artifacts")
URI_VARIABLE = "MLFLOW_TRACKING_URI"

# Tags of ours; the run's path identifies it within its experiment, the record one training of it.
RUN_TAG = "mlplab.run"
RECORD_TAG = "mlplab.record"
KIND_TAG = "mlplab.kind"

# A request holds 1,000 metrics, parameters and tags together: room is left for the latter.
METRICS_PER_REQUEST = 800
TAG_LENGTH = 5000
PAGE = 1000


def tracking_uri(configured: str | None, environment: Mapping[str, str] = os.environ) -> str:
    """Where runs are tracked: the configured URI, else the environment's, else local SQLite."""
    return configured or environment.get(URI_VARIABLE) or DEFAULT_URI


def public_uri(uri: str) -> str:
    """A URI without user name and password."""
    parts = urllib.parse.urlsplit(uri)
    if "@" not in parts.netloc:
        return uri
    return urllib.parse.urlunsplit(parts._replace(netloc=parts.netloc.rpartition("@")[2]))


def _redacted(text: str, uri: str) -> str:
    """A message about `uri` without the user name and password in it."""
    credentials, at, _ = urllib.parse.urlsplit(uri).netloc.rpartition("@")
    return text.replace(credentials + at, "") if at else text


@contextmanager
def _readable_errors(uri: str) -> Iterator[None]:
    """Turn whatever MLflow raises into a UserError that says where, without credentials."""
    try:
        yield
    except UserError:
        raise
    except Exception as error:
        reason = f"{type(error).__name__}: {_redacted(str(error), uri)}"
        raise UserError(
            f"tracking.uri: the MLflow store {public_uri(uri)} cannot be used "
            f"({reason}); name another under `tracking: uri:` in the config "
            f"or in {URI_VARIABLE}, or start the server it names"
        ) from error


def start_study(uri: str, study: str) -> dict[str, Any]:
    """Create the store, the study's experiment and its summary run, unless they are there.

    Returns what later steps need to find them: study, tracking_uri (without credentials),
    experiment_id and study_run_id. Raises UserError where the store cannot be used.
    """
    local = uri.startswith("sqlite:///")
    with _readable_errors(uri):
        if local:
            Path(uri.removeprefix("sqlite:///")).parent.mkdir(parents=True, exist_ok=True)
        client = MlflowClient(uri)
        experiment = client.get_experiment_by_name(study)
        if experiment is None:
            # MLflow makes a relative location absolute; here it is so on purpose.
            location = (LOCAL_ARTIFACTS / study).absolute().as_uri() if local else None
            experiment_id = client.create_experiment(study, artifact_location=location)
        elif experiment.lifecycle_stage == "deleted":
            client.restore_experiment(experiment.experiment_id)
            experiment_id = experiment.experiment_id
        else:
            experiment_id = experiment.experiment_id
        summaries = client.search_runs([experiment_id], f"tags.`{KIND_TAG}` = 'study'")
        summary = (
            summaries[0]
            if summaries
            else client.create_run(
                experiment_id, run_name=f"study {study}", tags={KIND_TAG: "study"}
            )
        )
    return {
        "study": study,
        "tracking_uri": public_uri(uri),
        "experiment_id": experiment_id,
        "study_run_id": summary.info.run_id,
    }


def _text(value: Any) -> str:
    """A parameter's value as MLflow keeps it: text as it is, everything else as JSON."""
    return value if isinstance(value, str) else json.dumps(value)


def _value(text: str) -> Any:
    """The value that `_text` turned into text."""
    try:
        return json.loads(text)
    except ValueError:
        return text


def _parameters(record: RunRecord) -> dict[str, Any]:
    run = record.run
    identity = {key: run[key] for key in ("implementation", "activation", "seed", "dataset")}
    return {**identity, **run["settings"]}


def _metrics(record: RunRecord) -> Iterator[Metric]:
    for row in record.history:
        for name, value in row.items():
            if name not in ("epoch", "timestamp"):
                yield Metric(name, value, row["timestamp"], row["epoch"])
    times = {0: record.run["started"], **{row["epoch"]: row["timestamp"] for row in record.history}}
    for row in record.diagnostics:
        name = f"{row['quantity']}/{row['of']}"
        yield Metric(name, row["value"], times[row["epoch"]], row["epoch"])
    for name, value in record.final_metrics().items():
        last = record.history[-1]
        yield Metric(name, value, last["timestamp"], last["epoch"])


def _tags(record: RunRecord, study_digest: str) -> dict[str, str]:
    run = record.run
    tags = {
        "status": run["status"],
        "sanity": record.sanity,
        "git_dirty": _text(run["git"]["dirty"]),
        "data_digest": run["data_digest"],
        "code_digest": run["code_digest"],
        "study_digest": study_digest,
        "machine": run["machine"]["processor"],
        "matmul_precision": run["matmul_precision"],
        MLFLOW_SOURCE_NAME: "Snakefile",
    }
    if run["error"]:
        tags["error"] = run["error"][:TAG_LENGTH]
    if run["git"]["commit"]:
        tags["git_commit"] = tags[MLFLOW_GIT_COMMIT] = run["git"]["commit"]
    return tags


def _dataset_input(manifest: Mapping[str, Any]) -> DatasetInput:
    return DatasetInput(
        Dataset(
            name=manifest["name"],
            digest=manifest["sha256"][:32],
            source_type="http",
            source=json.dumps({"url": manifest["homepage"], "files": manifest["files"]}),
            profile=json.dumps(
                {split: counts["images"] for split, counts in manifest["counts"].items()}
            ),
        ),
        [InputTag("mlflow.data.context", "training")],
    )


def track_runs(
    uri: str,
    study: Mapping[str, Any],
    runs: Sequence[RunFiles],
    manifest: Mapping[str, Any],
    study_digest: str,
) -> list[dict[str, str]]:
    """Send each run's record to MLflow, once: the same record always ends in the same MLflow run.

    An MLflow run that holds an earlier training of the same run is deleted (MLflow keeps deleted
    runs until they are purged). Returns experiment_id and run_id of each.
    """
    with _readable_errors(uri):
        client = MlflowClient(uri)
        return [_track(client, study, files, manifest, study_digest) for files in runs]


def _track(
    client: MlflowClient,
    study: Mapping[str, Any],
    files: RunFiles,
    manifest: Mapping[str, Any],
    study_digest: str,
) -> dict[str, str]:
    record = files.load()
    path, digest = record.run["run"], files.digest()
    experiment_id = study["experiment_id"]
    live = client.search_runs([experiment_id], f"tags.`{RUN_TAG}` = '{path}'")
    same = [run for run in live if run.data.tags.get(RECORD_TAG) == digest]
    for run in live:
        if run not in same[:1]:
            client.delete_run(run.info.run_id)
    ending = RunStatus.FAILED if record.run["status"] == "failed" else RunStatus.FINISHED
    ended = RunStatus.to_string(ending)
    if same and same[0].info.status == ended:
        return {"experiment_id": experiment_id, "run_id": same[0].info.run_id}
    # A run that was being sent when its sender died is sent again: equal points are kept once.
    run = (
        same[0]
        if same
        else client.create_run(
            experiment_id,
            start_time=record.run["started"],
            run_name=path,
            tags={RUN_TAG: path, RECORD_TAG: digest, KIND_TAG: "run"},
        )
    )
    run_id = run.info.run_id
    params = [Param(key, _text(value)) for key, value in _parameters(record).items()]
    tags = [RunTag(key, value) for key, value in _tags(record, study_digest).items()]
    metrics = list(_metrics(record))
    client.log_batch(run_id, metrics[:METRICS_PER_REQUEST], params, tags)
    for start in range(METRICS_PER_REQUEST, len(metrics), METRICS_PER_REQUEST):
        client.log_batch(run_id, metrics[start : start + METRICS_PER_REQUEST])
    client.log_inputs(run_id, [_dataset_input(manifest)])
    for file in files.all():
        client.log_artifact(run_id, str(file))
    client.set_terminated(run_id, ended, end_time=record.run["ended"])
    return {"experiment_id": experiment_id, "run_id": run_id}


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

    `run_ids` maps a run's path to its recorded MLflow run. A live run of the same path with another
    id (left by a sender that was killed) is deleted, so that the UI shows each run once. Raises
    UserError where recorded runs are missing.
    """
    with _readable_errors(uri):
        client = MlflowClient(uri)
        found, strays = {}, []
        with collection_paused():
            for run in _pages(client, study["experiment_id"]):
                path = run.data.tags.get(RUN_TAG, "")
                if path not in run_ids:
                    continue
                if run.info.run_id != run_ids[path]:
                    strays.append(run.info.run_id)
                    continue
                found[path] = {
                    "run_id": run.info.run_id,
                    "status": run.data.tags["status"],
                    "parameters": {key: _value(text) for key, text in run.data.params.items()},
                    "metrics": dict(run.data.metrics),
                }
        # After the last page: a deletion shifts the pages that follow.
        for run_id in strays:
            client.delete_run(run_id)
        missing = [path for path in run_ids if path not in found]
        if missing:
            raise UserError(
                f"MLflow ({study['tracking_uri']}, experiment {study['study']!r}) does not hold "
                f"{len(missing)} of {len(run_ids)} runs, for example {missing[0]}; "
                "send them again, without training: snakemake --cores all --forcerun start_study"
            )
        return found


def publish_study(
    uri: str,
    study: Mapping[str, Any],
    config: Mapping[str, Any],
    artifacts: Mapping[str, Sequence[str]],
) -> None:
    """Keep a study's figures, tables and report as artifacts of its summary run.

    `artifacts` maps a folder of the run's artifacts to the files that go there.
    """
    with _readable_errors(uri):
        client = MlflowClient(uri)
        run_id = study["study_run_id"]
        client.log_dict(run_id, dict(config), "config.json")
        for folder, paths in artifacts.items():
            for path in paths:
                client.log_artifact(run_id, path, folder)
        client.set_tag(run_id, "study_digest", value_digest(config))
        client.set_terminated(run_id)
