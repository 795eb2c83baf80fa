"""MLflow holds what the records say, once: sent, sent again, half-sent, and read back."""

import contextlib
import getpass
import json
import math
import re
import sys
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any
from unittest import mock

import pytest
from mlflow import MlflowClient
from mlflow.entities import Metric, Param, Run, ViewType

from conftest import REPOSITORY, epoch_row, failed_record, manifest, run_record, write_record
from mlplab.addresses import without_credentials
from mlplab.analysis.runs import contradictions, runs_table
from mlplab.errors import UserError
from mlplab.files import read_json, value_digest, write_json
from mlplab.study import colors
from mlplab.study.documents import read_run
from mlplab.study.metrics import of_run
from mlplab.study.record import RunFiles, RunRecord
from mlplab.tracking import collect as collecting
from mlplab.tracking import entities as mlflow_entities
from mlplab.tracking import publish
from mlplab.tracking import send as tracking
from mlplab.tracking import study as mlflow_study
from mlplab.tracking.notes import note
from mlplab.tracking.uri import DEFAULT_URI, URI_VARIABLE, tracking_uri

PATH = "scratch/relu/seed=0"
METRICS = [name for name in epoch_row(1) if name not in ("epoch", "timestamp")]
DIAGNOSES = ["gradient_norm/W1", "gradient_norm/W2", "dead/H1"]
MANIFEST = manifest()


class Store:
    """An MLflow store of this module with the study of one test."""

    def __init__(self, uri: str, name: str) -> None:
        self.uri = uri
        self.study = mlflow_study.start_study(uri, name)
        self.client = MlflowClient(uri)

    def send(self, files: RunFiles) -> str:
        """Send a record; return its MLflow run's id."""
        digest = "digest of the study"
        (sent,) = tracking.track_runs(self.uri, self.study, [files], MANIFEST, digest)
        assert sent["experiment_id"] == self.study["experiment_id"]
        return sent["run_id"]

    def runs(self, view: int = ViewType.ACTIVE_ONLY) -> list[Run]:
        """All runs of the grid, the study's summary run left out."""
        found = self.client.search_runs(
            [self.study["experiment_id"]], f"tags.`{mlflow_study.KIND_TAG}` = 'run'", view
        )
        return list(found)

    def stray(self, path: str) -> str:
        """A live run of `path` as a sender that was killed leaves it; returns its id."""
        run = self.client.create_run(
            self.study["experiment_id"],
            tags={
                mlflow_study.RUN_TAG: path,
                mlflow_study.RECORD_TAG: "?",
                mlflow_study.KIND_TAG: "run",
            },
        )
        return str(run.info.run_id)

    def read(self, run_ids: dict[str, str]) -> dict[str, dict[str, Any]]:
        return collecting.read_runs(self.uri, self.study, run_ids)

    def points(self, run_id: str, metric: str) -> list[tuple[int, int, float]]:
        history = self.client.get_metric_history(run_id, metric)
        return [(point.step, point.timestamp, point.value) for point in history]


@pytest.fixture(scope="module")
def uri(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """One store for all tests, made once: MLflow takes seconds for its schema."""
    folder = tmp_path_factory.mktemp("mlflow")
    with contextlib.chdir(folder):
        yield "sqlite:///store/of/mlflow.db"


@pytest.fixture
def store(uri: str, request: pytest.FixtureRequest) -> Store:
    return Store(uri, request.node.name)


def small(**run: Any) -> RunRecord:
    return run_record(PATH, history=[epoch_row(1)], **run)


@pytest.mark.slow
def test_the_study_is_started_once(store: Store) -> None:
    again = mlflow_study.start_study(store.uri, store.study["study"])
    assert again == store.study
    assert store.study["tracking_uri"] == store.uri
    experiment = store.client.get_experiment(store.study["experiment_id"])
    assert experiment.name == store.study["study"]
    assert experiment.artifact_location == (
        (mlflow_study.LOCAL_ARTIFACTS / experiment.name).absolute().as_uri()
    )
    summary = store.client.get_run(store.study["study_run_id"])
    assert summary.data.tags[mlflow_study.KIND_TAG] == "study"
    assert Path("store/of/mlflow.db").is_file()


class Meanwhile:
    """Starts of a study that others begin and end between two requests of the one before."""

    REQUESTS = ("search_runs", "create_run", "log_param", "delete_run")

    def __init__(self, uri: str, study: str, moments: list[int]) -> None:
        self.uri, self.study, self.moments = uri, study, moments
        self.counts: list[int] = []
        self.told: list[str] = []

    def start(self) -> None:
        self.counts.append(0)
        started = mlflow_study.start_study(self.uri, self.study)
        self.counts.pop()
        self.told.append(started["study_run_id"])

    def before(self, request: Callable[..., Any]) -> Callable[..., Any]:
        def wrapped(*arguments: Any, **options: Any) -> Any:
            moment, self.counts[-1] = self.counts[-1], self.counts[-1] + 1
            if self.moments[len(self.counts) - 1 :][:1] == [moment]:
                self.start()
            return request(*arguments, **options)

        return wrapped

    def run(self) -> None:
        with contextlib.ExitStack() as stack:
            for name in self.REQUESTS:
                wrapped = self.before(getattr(MlflowClient, name))
                stack.enter_context(mock.patch.object(MlflowClient, name, wrapped))
            self.start()


@pytest.mark.slow
@pytest.mark.parametrize("second", range(4))
@pytest.mark.parametrize("first", range(4))
def test_whoever_starts_a_study_meanwhile_has_the_same(uri: str, first: int, second: int) -> None:
    study = f"meanwhile {first} {second}"
    meanwhile = Meanwhile(uri, study, [first, second])
    meanwhile.run()
    assert len(meanwhile.told) > 1
    store = Store(uri, study)
    assert {*meanwhile.told} == {store.study["study_run_id"]}
    kept = store.client.search_runs([store.study["experiment_id"]])
    assert [run.info.run_id for run in kept] == [store.study["study_run_id"]]


def test_a_deleted_study_is_restored(store: Store) -> None:
    store.client.delete_experiment(store.study["experiment_id"])
    again = mlflow_study.start_study(store.uri, store.study["study"])
    assert again["experiment_id"] == store.study["experiment_id"]
    experiment = store.client.get_experiment(store.study["experiment_id"])
    assert experiment.lifecycle_stage == "active"


def test_what_was_sent_is_read_back(store: Store, tmp_path: Path) -> None:
    record = run_record(PATH)
    files = write_record(record, tmp_path)
    run_id = store.send(files)

    assert store.client.get_run(run_id).info.run_name == PATH
    (run,) = store.runs()
    assert run.info.run_id == run_id
    assert run.info.status == "FINISHED"
    assert (run.info.start_time, run.info.end_time) == (record.run.started, record.run.ended)
    assert run.data.params == {
        "implementation": "scratch",
        "activation": "relu",
        "seed": "0",
        "dataset": "digits",
        "hidden_sizes": "[8, 4]",
        "weight_std": "0.1",
        "bias_init": "zeros",
        "epochs": "3",
        "batch_size": "32",
        "learning_rate": "1",
    }
    expected_tags = {
        "mlplab.run": PATH,
        "mlplab.record": files.digest(),
        "mlplab.kind": "run",
        "status": "finished",
        "sanity": "met",
        "git_commit": "f" * 40,
        "git_dirty": "false",
        "mlflow.source.git.commit": "f" * 40,
        "mlflow.source.name": "Snakefile",
        "mlflow.source.type": "LOCAL",
        "mlflow.user": getpass.getuser(),
        "mlflow.runColor": colors.of_activation("relu"),
        "data_digest": "d" * 64,
        "code_digest": "c" * 64,
        "study_digest": "digest of the study",
        "machine": "Some Processor",
        "matmul_precision": "highest",
    }
    assert run.data.tags.items() >= expected_tags.items()
    for metric in METRICS:
        assert store.points(run_id, metric) == [
            (row["epoch"], row["timestamp"], row[metric]) for row in record.history
        ]
    last = record.history[-1]
    # What the history has is not sent once more.
    whole = {metric: value for metric, value in of_run(record).items() if metric not in last}
    assert "macro_f1" in whole and "test_accuracy" not in whole
    for metric, value in whole.items():
        assert store.points(run_id, metric) == [(last["epoch"], last["timestamp"], value)]
    times = [record.run.started, *(row["timestamp"] for row in record.history)]
    for metric in DIAGNOSES:
        values = [0.1 * (epoch + 1) for epoch in range(4)]
        assert store.points(run_id, metric) == list(zip(range(4), times, values, strict=True))
    assert set(run.data.metrics) == {*METRICS, *of_run(record), *DIAGNOSES}
    assert "error" not in run.data.tags

    artifacts = {artifact.path for artifact in store.client.list_artifacts(run_id)}
    assert artifacts == {path.name for path in files.all()}
    (tmp_path / "back").mkdir()
    downloaded = store.client.download_artifacts(run_id, "run.json", str(tmp_path / "back"))
    assert replace(read_run(downloaded), files={}) == record.run

    inputs = {each.tags[0].value: each.dataset for each in run.inputs.dataset_inputs}
    assert sorted(inputs) == ["test", "training"]
    for split, images in (("training", 6), ("test", 4)):
        assert inputs[split].name == f"digits {split}"
        assert inputs[split].digest == "a" * 32
        assert json.loads(inputs[split].profile) == {"images": images}
        assert json.loads(inputs[split].source)["files"] == MANIFEST.files

    (read,) = store.read({PATH: run_id}).values()
    assert read["run_id"] == run_id
    assert read["status"] == "finished"
    assert read["parameters"].items() >= record.run.settings.items()
    assert read["parameters"]["seed"] == 0
    assert contradictions(PATH, read, record) == []
    assert len(runs_table({PATH: read}, {PATH: record})) == 1


def test_a_record_that_is_sent_twice_makes_one_run(store: Store, tmp_path: Path) -> None:
    files = write_record(small(), tmp_path)
    assert store.send(files) == store.send(files)
    assert len(store.runs(ViewType.ALL)) == 1


def test_a_run_that_was_edited_in_mlflow_is_sent_anew(store: Store, tmp_path: Path) -> None:
    record = small()
    files = write_record(record, tmp_path)
    edited = store.send(files)
    store.client.log_metric(edited, "test_accuracy", 0.999, step=1000)
    sent = store.send(files)
    (run,) = store.runs()
    assert run.info.run_id == sent != edited
    assert run.data.metrics["test_accuracy"] == record.evaluation.metrics["test_accuracy"]


def test_the_searches_of_the_readme_answer_their_questions(store: Store, tmp_path: Path) -> None:
    text = (REPOSITORY / "README.md").read_text(encoding="utf-8")
    searches = re.findall(r"^\| .*\? .*\| `{1,2}((?:tags|metrics)\..*?[^`])`{1,2} \|$", text, re.M)
    assert len(searches) == 5
    missed, troubled, by_heart, dead, calibrated = searches
    by_heart_row = epoch_row(1, training_accuracy=0.99, test_accuracy=0.8)
    sound = replace(small(), history=[epoch_row(1, training_accuracy=0.91, test_accuracy=0.9)])
    scores = {**sound.evaluation.metrics, "expected_calibration_error": 0.01}
    sound = replace(sound, diagnostics=[], evaluation=replace(sound.evaluation, metrics=scores))
    records = {
        "failed": failed_record(PATH),
        "by heart": run_record(f"{PATH}1", [by_heart_row]),
        "sound": replace(sound, run=replace(sound.run, run=f"{PATH}2")),
    }
    ids = {}
    for name, record in records.items():
        (tmp_path / name).mkdir()
        ids[name] = store.send(write_record(record, tmp_path / name))

    def found(search: str) -> set[str]:
        runs = store.client.search_runs([store.study["experiment_id"]], search)
        return {name for name, run_id in ids.items() if run_id in {r.info.run_id for r in runs}}

    assert found(missed) == found(troubled) == {"failed"}
    assert found(by_heart) == found(dead) == {"by heart"}
    assert found(calibrated) == {"sound"}


def test_another_training_of_the_run_replaces_it(store: Store, tmp_path: Path) -> None:
    first = store.send(write_record(small(), tmp_path / "1"))
    changed = write_record(small(settings={"weight_std": 0.2}), tmp_path / "2")
    second = store.send(changed)
    assert second != first
    (live,) = store.runs()
    assert live.info.run_id == second
    assert live.data.params["weight_std"] == "0.2"
    assert store.client.get_run(first).info.lifecycle_stage == "deleted"


def test_other_runs_of_the_study_are_left_alone(store: Store, tmp_path: Path) -> None:
    paths = [PATH, f"{PATH}0", f"{PATH}/hidden_sizes=8"]
    ids = {
        path: store.send(write_record(run_record(path, [epoch_row(1)]), tmp_path / str(number)))
        for number, path in enumerate(paths)
    }
    assert {run.info.run_id for run in store.runs()} == set(ids.values())
    assert {path: run["run_id"] for path, run in store.read(ids).items()} == ids


def test_a_run_without_a_commit_has_no_commit_tag(store: Store, tmp_path: Path) -> None:
    store.send(write_record(small(git={"commit": None, "dirty": None}), tmp_path))
    (run,) = store.runs()
    assert not [tag for tag in run.data.tags if "commit" in tag]


class Killed(BaseException):
    """Stands for a signal."""


@pytest.mark.parametrize("fatal_call", ["log_inputs", "log_artifact", "set_terminated"])
def test_a_run_that_was_left_half_sent_is_completed_under_the_same_id(
    store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, fatal_call: str
) -> None:
    def die(*args: object, **kwargs: object) -> None:
        raise Killed

    record = run_record(PATH, [epoch_row(1), epoch_row(2, training_loss=math.nan)])
    files = write_record(record, tmp_path)
    with monkeypatch.context() as patch, pytest.raises(Killed):
        patch.setattr(MlflowClient, fatal_call, die)
        store.send(files)
    (half,) = store.runs()
    assert half.info.status == "RUNNING"

    assert store.send(files) == half.info.run_id
    (whole,) = store.runs()
    assert whole.info.status == "FINISHED"
    for metric in METRICS:
        # `seconds_per_epoch` and the like are sent once; so is every epoch's point.
        assert [step for step, _, _ in store.points(whole.info.run_id, metric)] == [1, 2]
    for metric in DIAGNOSES:
        assert [step for step, _, _ in store.points(whole.info.run_id, metric)] == [0, 1, 2]
    assert len(store.points(whole.info.run_id, "macro_f1")) == 1
    assert len(whole.inputs.dataset_inputs) == 2
    artifacts = store.client.list_artifacts(whole.info.run_id)
    assert {artifact.path for artifact in artifacts} == {path.name for path in files.all()}


def test_a_run_that_died_between_two_requests_is_completed(
    store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    files = write_record(run_record(PATH), tmp_path)
    monkeypatch.setattr(mlflow_entities, "METRICS_PER_REQUEST", 5)
    send_batch = MlflowClient.log_batch
    calls: list[int] = []

    def die_at_the_third(client: MlflowClient, *args: Any, **kwargs: Any) -> None:
        calls.append(len(calls))
        if len(calls) == 3:
            raise Killed
        send_batch(client, *args, **kwargs)

    with monkeypatch.context() as patch, pytest.raises(Killed):
        patch.setattr(MlflowClient, "log_batch", die_at_the_third)
        store.send(files)
    run_id = store.send(files)
    assert [run.info.run_id for run in store.runs()] == [run_id]
    for metric in METRICS:
        assert [step for step, _, _ in store.points(run_id, metric)] == [1, 2, 3]
    for metric in DIAGNOSES:
        assert [step for step, _, _ in store.points(run_id, metric)] == [0, 1, 2, 3]


def test_strays_of_the_same_run_are_deleted_when_it_is_sent(store: Store, tmp_path: Path) -> None:
    store.stray(PATH)
    other = store.stray("concise/relu/seed=0")
    sent = store.send(write_record(small(), tmp_path))
    assert {run.info.run_id for run in store.runs()} == {sent, other}


def test_strays_are_deleted_when_runs_are_read(store: Store, tmp_path: Path) -> None:
    sent = store.send(write_record(small(), tmp_path))
    store.stray(PATH)
    other = store.stray("not/in/this/grid")
    assert list(store.read({PATH: sent})) == [PATH]
    assert {run.info.run_id for run in store.runs()} == {sent, other}


def test_a_missing_run_is_named(store: Store, tmp_path: Path) -> None:
    sent = store.send(write_record(small(), tmp_path))
    with pytest.raises(UserError) as refused:
        store.read({PATH: sent, "concise/tanh/seed=1": "0" * 32})
    message = str(refused.value)
    assert "1 of 2 runs" in message
    assert "concise/tanh/seed=1" in message
    assert store.study["study"] in message
    assert "--forcerun start_study" in message


def bare_runs(store: Store, count: int) -> dict[str, str]:
    """Tracked runs with no more than reading needs; path → id."""
    paths = [f"scratch/relu/seed={seed}" for seed in range(count)]
    ids = {path: store.stray(path) for path in paths}
    for run_id in ids.values():
        store.client.set_tag(run_id, "status", "finished")
    return ids


@pytest.mark.parametrize("count", [4, 5])
def test_runs_on_several_pages_are_all_read(
    store: Store, monkeypatch: pytest.MonkeyPatch, count: int
) -> None:
    ids = bare_runs(store, count)
    monkeypatch.setattr(collecting, "PAGE", 2)
    assert {path: run["run_id"] for path, run in store.read(ids).items()} == ids


def test_strays_on_several_pages_are_all_deleted_and_no_run_is_missed(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    ids = bare_runs(store, 4)
    for path in ids:
        store.stray(path)
    monkeypatch.setattr(collecting, "PAGE", 2)
    assert {path: run["run_id"] for path, run in store.read(ids).items()} == ids
    assert {run.info.run_id for run in store.runs()} == set(ids.values())


@pytest.mark.parametrize("per_request", [1, 7, 1000])
def test_a_long_history_is_sent_in_requests_of_limited_size(
    store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, per_request: int
) -> None:
    sizes: list[int] = []
    send_batch = MlflowClient.log_batch

    def counted(client: MlflowClient, run_id: str, metrics: Any, *others: Any) -> None:
        sizes.append(len(metrics))
        send_batch(client, run_id, metrics, *others)

    monkeypatch.setattr(MlflowClient, "log_batch", counted)
    monkeypatch.setattr(mlflow_entities, "METRICS_PER_REQUEST", per_request)
    record = run_record(PATH, [epoch_row(number) for number in range(1, 6)])
    run_id = store.send(write_record(record, tmp_path))
    total = 5 * len(METRICS) + 6 * len(DIAGNOSES) + len(set(of_run(record)) - set(METRICS))
    assert sum(sizes) == total
    assert max(sizes) == min(per_request, total)
    assert len(store.points(run_id, "test_loss")) == 5


def test_mlflow_takes_requests_of_the_usual_size() -> None:
    # MLflow refuses more than 1,000 entities in a request, of them 100 parameters and 100 tags, and
    # more than 50,000 runs on a page.
    assert mlflow_entities.METRICS_PER_REQUEST <= 800
    assert collecting.PAGE <= 50_000


@pytest.mark.parametrize(
    ("loss", "kept"),
    [(math.nan, math.nan), (math.inf, sys.float_info.max), (-math.inf, -sys.float_info.max)],
)
def test_losses_that_are_not_finite_are_tracked(
    store: Store, tmp_path: Path, loss: float, kept: float
) -> None:
    row = epoch_row(1, training_loss=loss, test_loss=loss)
    record = run_record(PATH, [row], status="diverged")
    run_id = store.send(write_record(record, tmp_path))
    (read,) = store.read({PATH: run_id}).values()
    assert read["status"] == "diverged"
    assert read["metrics"]["training_loss"] == pytest.approx(kept, nan_ok=True)
    assert math.isnan(read["metrics"]["negative_log_likelihood"])
    assert contradictions(PATH, read, record) == []


def test_a_metric_that_was_changed_in_mlflow_is_noticed(store: Store, tmp_path: Path) -> None:
    record = small()
    run_id = store.send(write_record(record, tmp_path))
    store.client.log_metric(run_id, "macro_f1", 0.99, step=2)
    (line,) = contradictions(PATH, store.read({PATH: run_id})[PATH], record)
    assert "macro_f1 is 0.99 in MLflow" in line


def published(store: Store, folder: Path, metrics: dict[str, float]) -> Run:
    """The summary run of a study that is published with these numbers."""
    write_json(folder / "runs.json", [1])
    files = {"tables": [str(folder / "runs.json")]}
    publish.publish_study(store.uri, store.study, CONFIG, files, "a **note**", metrics, 0)
    return store.client.get_run(store.study["study_run_id"])


CONFIG = {"study": "x", "grid": {"seed": [0]}}


def test_figures_and_tables_become_artifacts_of_the_summary_run(
    store: Store, tmp_path: Path
) -> None:
    for _ in range(2):
        run = published(store, tmp_path, {"test_accuracy/scratch/relu": 0.5})
    run_id = store.study["study_run_id"]
    assert run.info.status == "FINISHED"
    assert run.data.tags["study_digest"] == value_digest(CONFIG)
    assert run.data.metrics == {"test_accuracy/scratch/relu": 0.5}
    experiment = store.client.get_experiment(store.study["experiment_id"])
    for tags in (run.data.tags, experiment.tags):
        assert tags["mlflow.note.content"] == "a **note**"
    assert [item.path for item in store.client.list_artifacts(run_id, "tables")] == [
        "tables/runs.json"
    ]
    saved = store.client.download_artifacts(run_id, "config.json", str(tmp_path))
    assert read_json(saved) == CONFIG


def test_numbers_of_what_left_the_grid_are_not_shown_as_its_own(
    store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(mlflow_entities, "METRICS_PER_REQUEST", 1)
    published(store, tmp_path, {"a/relu": 0.5, "a/tanh": 0.6})
    metrics = published(store, tmp_path, {"a/relu": 0.7}).data.metrics
    assert metrics["a/relu"] == 0.7 and math.isnan(metrics["a/tanh"])


def test_a_studys_numbers_are_those_of_the_summary() -> None:
    cells = ["scratch/relu/learning_rate=0.1", "scratch/tanh/learning_rate=0.1"]
    rows = [
        {
            "test_accuracy_mean": accuracy,
            "test_accuracy_low": math.nan,
            "training_loss_mean": 0.25,
            "seconds_per_epoch_median": 2.0,
            "brier_score_mean": 0.3,
        }
        for accuracy in (0.5, 0.75)
    ]
    assert mlflow_entities.summary_metrics(cells, rows, "test") == {
        "test_accuracy/scratch/tanh/learning_rate 0.1": 0.75,
        "test_accuracy/scratch/relu/learning_rate 0.1": 0.5,
        "training_loss/scratch/tanh/learning_rate 0.1": 0.25,
        "training_loss/scratch/relu/learning_rate 0.1": 0.25,
        "seconds_per_epoch/scratch/tanh/learning_rate 0.1": 2.0,
        "seconds_per_epoch/scratch/relu/learning_rate 0.1": 2.0,
    }


def test_of_many_cells_a_study_has_the_numbers_of_the_most_accurate() -> None:
    most = mlflow_entities.CELLS_AT_MOST
    cells = [f"scratch/relu/learning_rate={rate}" for rate in range(most + 5)]
    accuracies = [math.nan, *(0.001 * rate for rate in range(1, most + 5))]
    rows = [{"test_accuracy_mean": accuracy} for accuracy in accuracies]
    found = mlflow_entities.summary_metrics(cells, rows, "test")
    assert len(found) == most
    assert min(found.values()) == pytest.approx(0.005)


def test_accuracy_and_loss_come_first() -> None:
    names = list(dict.fromkeys(point.key for point in mlflow_entities.metrics(run_record(PATH))))
    assert names[:4] == ["test_accuracy", "test_loss", "late_test_accuracy", "training_loss"]
    assert set(names[-3:]) == set(DIAGNOSES)


def test_a_user_without_a_name_is_no_obstacle(monkeypatch: pytest.MonkeyPatch) -> None:
    def nobody() -> str:
        raise OSError("No username set in the environment")

    monkeypatch.setattr("getpass.getuser", nobody)
    assert "mlflow.user" not in mlflow_entities.source()


def test_a_note_says_what_was_asked_and_found_and_where_to_go_on() -> None:
    config = {
        "study": "small",
        "dataset": "digits",
        "grid": {
            "implementation": ["scratch"],
            "activation": ["relu", "tanh"],
            "seed": [0],
            "hidden_sizes": [[8, 4]],
        },
        "network": {},
        "training": {},
    }
    found = [f"Sentence {number}." for number in range(10)]
    text = note({"experiment_id": "7", "study_run_id": "id0"}, config, found)
    assert "2 runs on `digits`" in text and "- activation: `relu`, `tanh`" in text
    assert "- hidden_sizes: `8x4`" in text
    assert (
        text.startswith("Sentence 0.\n") and "- Sentence 1.\n" in text and "Sentence 9." not in text
    )
    assert "--configfile results/small/config.yaml" in text
    links = re.findall(r"\]\((.*?)\)", text)
    assert all(link.startswith("#/experiments/7/runs") for link in links)
    assert any("/id0/artifacts/report/report.html?" in link for link in links)


@pytest.mark.parametrize(
    ("configured", "environment", "expected"),
    [
        ("http://config", "http://env", "http://config"),
        (None, "http://env", "http://env"),
        (None, "", DEFAULT_URI),
        (None, None, DEFAULT_URI),
    ],
)
def test_the_config_comes_before_the_environment_and_both_before_the_default(
    monkeypatch: pytest.MonkeyPatch, configured: str | None, environment: str | None, expected: str
) -> None:
    monkeypatch.delenv(URI_VARIABLE, raising=False)
    if environment is not None:
        monkeypatch.setenv(URI_VARIABLE, environment)
    assert tracking_uri(configured) == expected


@pytest.fixture
def no_retries(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "0")
    monkeypatch.setenv("no_proxy", "*")


@pytest.mark.usefixtures("no_retries")
@pytest.mark.parametrize(
    "uri",
    [
        pytest.param(
            "http://someone:secret@127.0.0.1:1", marks=pytest.mark.slow, id="nobody listens"
        ),
        pytest.param("unknown://someone:secret@127.0.0.1/x", id="unknown scheme"),
    ],
)
def test_an_unusable_store_is_refused_without_its_credentials(uri: str) -> None:
    with pytest.raises(UserError) as refused:
        mlflow_study.start_study(uri, "test")
    message = str(refused.value)
    assert "tracking.uri" in message
    assert without_credentials(uri) in message
    assert URI_VARIABLE in message
    assert "secret" not in message
    assert "someone" not in message


def rubbish(folder: Path) -> Path:
    path = folder / "mlflow.db"
    path.write_text("rubbish" * 1000)
    return path


def below_a_file(folder: Path) -> Path:
    (folder / "file").write_text("")
    return folder / "file" / "mlflow.db"


@pytest.mark.parametrize("make", [rubbish, below_a_file])
def test_a_local_store_that_cannot_be_used_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, make: Callable[[Path], Path]
) -> None:
    monkeypatch.setattr("mlflow.store.db.utils.MAX_RETRY_COUNT", 0)
    path = make(tmp_path)
    with pytest.raises(UserError) as refused:
        mlflow_study.start_study(f"sqlite:///{path}", "test")
    assert str(path) in str(refused.value)


def test_mlflow_keeps_equal_points_once(store: Store) -> None:
    # What completing a half-sent run builds upon.
    run_id = store.stray(PATH)
    for _ in range(2):
        store.client.log_batch(run_id, [Metric("x", 0.1, 5, 1)], [Param("p", "1")])
    assert store.points(run_id, "x") == [(1, 5, 0.1)]


def test_a_failed_run_ends_as_failed_with_its_error(store: Store, tmp_path: Path) -> None:
    record = failed_record(PATH)
    files = write_record(record, tmp_path)
    run_id = store.send(files)
    (run,) = store.runs()
    assert run.info.run_id == run_id
    assert run.info.status == "FAILED"
    assert (run.info.start_time, run.info.end_time) == (record.run.started, record.run.ended)
    assert run.data.tags["status"] == "failed"
    assert run.data.tags["sanity"] == "missed"
    assert run.data.tags["error"] == record.run.error
    assert run.data.metrics == {}
    assert run.data.params["learning_rate"] == "1"
    artifacts = {artifact.path for artifact in store.client.list_artifacts(run_id)}
    assert artifacts == {path.name for path in files.all()}

    (read,) = store.read({PATH: run_id}).values()
    assert read["status"] == "failed"
    assert contradictions(PATH, read, record) == []
    assert runs_table({PATH: read}, {PATH: record})["status"].tolist() == ["failed"]
    # Sent twice it is one run, as any other.
    assert store.send(files) == run_id
    assert len(store.runs(ViewType.ALL)) == 1


def test_a_failed_run_that_was_left_half_sent_is_completed(
    store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def die(*args: object, **kwargs: object) -> None:
        raise Killed

    files = write_record(failed_record(PATH), tmp_path)
    with monkeypatch.context() as patch, pytest.raises(Killed):
        patch.setattr(MlflowClient, "log_artifact", die)
        store.send(files)
    (half,) = store.runs()
    assert half.info.status == "RUNNING"
    assert store.send(files) == half.info.run_id
    (whole,) = store.runs()
    assert whole.info.status == "FAILED"
    assert len(store.client.list_artifacts(whole.info.run_id)) == len(files.all())


def test_a_mended_implementation_takes_the_place_of_the_failed_run(
    store: Store, tmp_path: Path
) -> None:
    failed = store.send(write_record(failed_record(PATH), tmp_path / "1"))
    mended = store.send(write_record(small(), tmp_path / "2"))
    assert mended != failed
    (live,) = store.runs()
    assert (live.info.run_id, live.info.status) == (mended, "FINISHED")
    assert "error" not in live.data.tags


def test_an_endless_error_is_cut_to_what_mlflow_takes(store: Store, tmp_path: Path) -> None:
    store.send(write_record(failed_record(PATH, error="x" * 100_000), tmp_path))
    (run,) = store.runs()
    assert run.data.tags["error"] == "x" * mlflow_entities.TAG_LENGTH


def test_a_run_that_is_scored_on_validation_is_tracked_without_a_test_metric(
    store: Store, tmp_path: Path
) -> None:
    record = run_record(PATH, scored_on="validation")
    history = [
        {name.replace("test_", "validation_"): value for name, value in row.items()}
        for row in record.history
    ]
    record = replace(record, history=history)
    run_id = store.send(write_record(record, tmp_path))
    (run,) = store.runs()
    assert not [name for name in run.data.metrics if "test" in name]
    assert run.data.metrics["validation_accuracy"] == 0.5
    assert run.data.metrics["validation_accuracy"] == 0.5
    assert contradictions(PATH, store.read({PATH: run_id})[PATH], record) == []
