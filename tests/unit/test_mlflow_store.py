"""Which errors mean that the store is away, how long it is asked, and what is left for later."""

import itertools
import math
import os
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import chdir, contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
import requests
import sqlalchemy
from mlflow import MlflowClient
from mlflow.exceptions import MlflowException
from mlflow.protos.databricks_pb2 import BAD_REQUEST, TEMPORARILY_UNAVAILABLE
from test_tracking import MANIFEST, PATH, Store, small

from conftest import run_record, write_record
from mlplab.errors import UserError
from mlplab.study.record import RunFiles
from mlplab.tracking import collect as collecting
from mlplab.tracking import send as tracking
from mlplab.tracking import store as mlflow_store
from mlplab.tracking import study as mlflow_study
from mlplab.tracking.store import StoreAway, is_away, patience, patiently, reaching

pytestmark = pytest.mark.slow

SECRET = "http://someone:secret@127.0.0.1:{port}"


@pytest.fixture(scope="module")
def uri(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """One store for all tests, made once: MLflow takes seconds for its schema."""
    folder = tmp_path_factory.mktemp("mlflow")
    with chdir(folder):
        yield f"sqlite:///{folder}/mlflow.db"


@pytest.fixture
def store(uri: str, request: pytest.FixtureRequest) -> Store:
    return Store(uri, request.node.name)


@pytest.fixture(autouse=True)
def hurried(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(mlflow_store, "PAUSE", 0.01)
    monkeypatch.setattr(tracking, "BRIEF_SECONDS", 0.05)
    monkeypatch.setattr(mlflow_study, "BRIEF_SECONDS", 0.05)
    monkeypatch.setenv("no_proxy", "*")


@contextmanager
def server_that_answers(status: int, body: str = "{}") -> Iterator[int]:
    """A server of MLflow's interface that has one answer to everything; yields its port."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.rfile.read(int(self.headers.get("Content-Length", 0)))
            self.send_response(status)
            self.end_headers()
            self.wfile.write(body.encode())

        do_POST = do_GET

        def log_message(self, *arguments: Any) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield server.server_port
        server.shutdown()


@pytest.mark.parametrize("status", [401, 403, 429, 500, 502, 503, 504])
def test_a_server_that_refuses_is_away(status: int) -> None:
    with server_that_answers(status, "no") as port, pytest.raises(StoreAway) as away:
        mlflow_study.start_study(SECRET.format(port=port), "x")
    assert f"http://127.0.0.1:{port} is away or refuses" in str(away.value)
    assert "secret" not in str(away.value)
    assert "\n" not in away.value.reason
    if status == 401:
        assert "MLFLOW_TRACKING_PASSWORD" in away.value.reason


@pytest.mark.parametrize("status", [400, 404])
def test_a_server_that_is_asked_for_nonsense_is_not_away(status: int) -> None:
    with server_that_answers(status, "no") as port, pytest.raises(UserError) as refused:
        mlflow_study.start_study(SECRET.format(port=port), "x")
    assert not isinstance(refused.value, StoreAway)
    assert "cannot be used" in str(refused.value)


@pytest.mark.slow
def test_a_server_that_does_not_answer_in_time_is_away(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_TIMEOUT", "1")
    with socket.create_server(("127.0.0.1", 0)) as silent, pytest.raises(StoreAway) as away:
        mlflow_study.start_study(SECRET.format(port=silent.getsockname()[1]), "x")
    assert "timed out" in away.value.reason.lower()


def test_a_database_that_nobody_serves_is_away() -> None:
    with pytest.raises(StoreAway) as away:
        mlflow_study.start_study("postgresql://someone:secret@127.0.0.1:1/mlflow", "x")
    assert "Connection refused" in away.value.reason
    assert "postgresql://127.0.0.1:1/mlflow" in str(away.value)
    assert "secret" not in str(away.value)


def _raised(error: Exception, cause: Exception | None = None) -> Exception:
    error.__cause__ = cause
    return error


@pytest.mark.parametrize(
    ("error", "away"),
    [
        (_raised(MlflowException("x"), requests.exceptions.ConnectionError()), True),
        (
            _raised(MlflowException("x"), sqlalchemy.exc.OperationalError("x", {}, Exception())),
            True,
        ),
        (MlflowException("x", TEMPORARILY_UNAVAILABLE), True),
        # What MLflow says of mistakes of its client.
        (MlflowException("x"), False),
        (MlflowException("x", BAD_REQUEST), False),
        (sqlalchemy.exc.IntegrityError("x", {}, Exception()), False),
        (FileNotFoundError("x"), False),
        (TypeError("x"), False),
    ],
)
def test_errors_are_told_apart(error: Exception, away: bool) -> None:
    assert is_away(error) == away


@pytest.mark.parametrize("error", [TypeError, KeyError, AssertionError])
def test_mistakes_of_the_code_are_left_alone(error: type[Exception]) -> None:
    with pytest.raises(error), reaching("http://127.0.0.1"):
        raise error("x")


def test_the_environment_s_patience_wins_and_ours_ends(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_TIMEOUT", "7")
    monkeypatch.delenv("MLFLOW_HTTP_REQUEST_MAX_RETRIES", raising=False)
    with patience(30):
        assert os.environ["MLFLOW_HTTP_REQUEST_TIMEOUT"] == "7"
        assert os.environ["MLFLOW_HTTP_REQUEST_MAX_RETRIES"] == "0"
    assert os.environ["MLFLOW_HTTP_REQUEST_TIMEOUT"] == "7"
    assert "MLFLOW_HTTP_REQUEST_MAX_RETRIES" not in os.environ


def away_for(times: float) -> Callable[[], str]:
    """An action that finds the store away so many times."""
    asked = itertools.count()

    def action() -> str:
        if next(asked) < times:
            raise StoreAway("http://x", "no")
        return "done"

    return action


def test_a_store_that_comes_back_was_waited_for_and_told_of_once() -> None:
    said: list[str] = []
    assert patiently(away_for(5), 10, said.append) == "done"
    assert len(said) == 1
    assert "waiting up to 10 s" in said[0]


def test_a_store_that_stays_away_is_given_up() -> None:
    with pytest.raises(StoreAway):
        patiently(away_for(math.inf), 0.05)


def several(folder: Path, number: int) -> dict[str, RunFiles]:
    made = {}
    for seed in range(number):
        path = f"scratch/relu/seed={seed}"
        (folder / str(seed)).mkdir()
        made[path] = write_record(run_record(path), folder / str(seed))
    return made


def send(store: Store, records: dict[str, RunFiles], **more: Any) -> list[dict[str, str]]:
    return tracking.track_runs(
        store.uri, store.study, list(records.values()), MANIFEST, "digest", **more
    )


def test_what_follows_a_run_that_cannot_be_sent_is_left_for_later(
    store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    records = several(tmp_path, 4)
    create, tried, said = MlflowClient.create_run, [], list[str]()

    def gone_after_the_first(client: MlflowClient, *arguments: Any, **named: Any) -> Any:
        tried.append(named["run_name"])
        if len(tried) > 1:
            raise MlflowException("gone", TEMPORARILY_UNAVAILABLE)
        return create(client, *arguments, **named)

    with monkeypatch.context() as patch:
        patch.setattr(MlflowClient, "create_run", gone_after_the_first)
        sent = send(store, records, tell=said.append)
    assert "run_id" in sent[0]
    assert [list(run) for run in sent[1:]] == [["deferred"]] * 3
    assert "gone" in sent[1]["deferred"]
    assert set(tried) == {"scratch/relu/seed=0", "scratch/relu/seed=1"}
    (line,) = said
    assert "and 2 more will be sent before the tables" in line

    found = collect(store, records, sent)
    assert set(found) == set(records)
    assert found[PATH]["run_id"] == sent[0]["run_id"]
    assert {run.info.run_id for run in store.runs()} == {run["run_id"] for run in found.values()}
    assert {run.info.status for run in store.runs()} == {"FINISHED"}
    # Collected once more, as after a change of the tables, nothing is sent again.
    assert collect(store, records, sent) == found


def collect(
    store: Store, records: dict[str, RunFiles], sent: list[dict[str, str]], seconds: float = 0.05
) -> dict[str, dict[str, Any]]:
    tracked = dict(zip(records, sent, strict=True))
    return collecting.collect_runs(
        store.uri, store.study, records, tracked, MANIFEST, "digest", seconds
    )


def test_a_mistake_of_the_code_is_no_reason_to_send_later(
    store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def mistaken(*arguments: Any, **named: Any) -> None:
        raise TypeError("mistaken")

    monkeypatch.setattr(MlflowClient, "log_batch", mistaken)
    with pytest.raises(TypeError, match="mistaken"):
        send(store, several(tmp_path, 1))


def test_a_store_that_stays_away_ends_the_collection_with_what_to_do(
    store: Store, tmp_path: Path
) -> None:
    records = several(tmp_path, 3)
    sent = [*send(store, dict(list(records.items())[:1])), {"deferred": "x"}, {"deferred": "x"}]
    store.uri = "http://someone:secret@127.0.0.1:1"
    with pytest.raises(UserError) as ended:
        collect(store, records, sent)
    message = str(ended.value)
    assert "http://127.0.0.1:1" in message
    assert "2 of 3 runs wait to be sent" in message
    assert "run the same command" in message
    assert "secret" not in message


def test_a_recorded_run_that_was_deleted_is_sent_again(store: Store, tmp_path: Path) -> None:
    records = several(tmp_path, 2)
    sent = send(store, records)
    store.client.delete_run(sent[1]["run_id"])
    found = collect(store, records, sent)
    assert len(store.runs()) == 2
    assert found["scratch/relu/seed=1"]["run_id"] != sent[1]["run_id"]


def test_a_study_that_the_store_does_not_hold_is_named(store: Store, tmp_path: Path) -> None:
    records = several(tmp_path, 1)
    for study in ({**store.study, "study": "another"}, {**store.study, "experiment_id": "9999"}):
        store.study = study
        with pytest.raises(UserError, match="--forcerun start_study") as lost:
            send(store, records)
        assert "does not hold the study's experiment" in str(lost.value)


def test_two_runs_of_one_record_become_one_whoever_looks(store: Store, tmp_path: Path) -> None:
    (files,) = several(tmp_path, 1).values()
    tags = {
        mlflow_study.RUN_TAG: PATH,
        mlflow_study.RECORD_TAG: files.digest(),
        mlflow_study.KIND_TAG: "run",
    }
    ids = [
        store.client.create_run(store.study["experiment_id"], tags=tags).info.run_id
        for _ in range(2)
    ]
    assert store.send(files) == min(ids)
    assert len(store.runs()) == 1
    # One that is complete stays, whatever its id: another sender has reported it.
    for _ in range(3):
        store.client.create_run(store.study["experiment_id"], tags=tags)
    assert store.send(files) == min(ids)
    assert len(store.runs()) == 1


@pytest.mark.parametrize("method", ["create_run", "log_batch", "set_terminated"])
def test_a_request_whose_answer_was_lost_doubles_nothing(
    store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, method: str
) -> None:
    records = several(tmp_path, 1)
    real, calls = getattr(MlflowClient, method), []

    def answered_too_late(client: MlflowClient, *arguments: Any, **named: Any) -> Any:
        calls.append(method)
        answer = real(client, *arguments, **named)
        if len(calls) == 1:
            raise MlflowException("too late", TEMPORARILY_UNAVAILABLE)
        return answer

    monkeypatch.setattr(MlflowClient, method, answered_too_late)
    (sent,) = send(store, records)
    assert len(calls) == (2 if method == "log_batch" else 1)
    (run,) = store.runs()
    assert (run.info.run_id, run.info.status) == (sent["run_id"], "FINISHED")
    assert [step for step, _, _ in store.points(sent["run_id"], "test_loss")] == [1, 2, 3]


def test_a_run_that_another_sender_deletes_is_sent_under_the_other_s_id(
    store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (files,) = several(tmp_path, 1).values()
    tags = {
        mlflow_study.RUN_TAG: PATH,
        mlflow_study.RECORD_TAG: files.digest(),
        mlflow_study.KIND_TAG: "run",
    }
    log_inputs = MlflowClient.log_inputs
    others: list[Any] = []

    def overtaken(client: MlflowClient, run_id: str, *arguments: Any) -> None:
        if not others:
            others.append(client.create_run(store.study["experiment_id"], tags=tags).info.run_id)
            client.delete_run(run_id)
        log_inputs(client, run_id, *arguments)

    monkeypatch.setattr(MlflowClient, "log_inputs", overtaken)
    assert store.send(files) == others[0]
    (run,) = store.runs()
    assert run.info.status == "FINISHED"


def test_a_run_s_interruptions_become_a_tag(store: Store, tmp_path: Path) -> None:
    store.send(write_record(small(resumed_after=[3, 7]), tmp_path))
    assert store.runs()[0].data.tags["resumed_after"] == "[3, 7]"


@pytest.mark.parametrize("more", [{}, {"resumed_after": []}])
def test_a_run_without_interruptions_has_no_such_tag(
    store: Store, tmp_path: Path, more: dict[str, Any]
) -> None:
    store.send(write_record(small(**more), tmp_path))
    assert "resumed_after" not in store.runs()[0].data.tags
