"""Epochs are in MLflow while a run trains, each once, whatever becomes of the server or the run."""

import contextlib
import socket
import time
from collections.abc import Callable, Iterator
from dataclasses import asdict
from pathlib import Path
from typing import Any

import pytest
from test_tracking import PATH, Store

from conftest import epoch_row, run_record, write_record
from mlplab.files import write_json
from mlplab.study.grid import Run
from mlplab.study.record import RunRecord
from mlplab.tracking import live as live_tracking
from mlplab.tracking import study as mlflow_study
from mlplab.tracking.live import Live

pytestmark = pytest.mark.slow

ROWS = [epoch_row(number) for number in (1, 2, 3)]


@pytest.fixture(scope="module")
def uri(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with contextlib.chdir(tmp_path_factory.mktemp("mlflow")):
        yield f"sqlite:///{Path.cwd()}/mlflow.db"


@pytest.fixture
def store(uri: str, request: pytest.FixtureRequest) -> Store:
    return Store(uri, request.node.name)


@pytest.fixture
def study(store: Store, tmp_path: Path) -> Path:
    write_json(tmp_path / "study.json", store.study)
    return tmp_path / "study.json"


def record() -> RunRecord:
    return run_record(PATH, history=ROWS)


def observer(uri: str, study: Path) -> Live:
    run = record().run
    settings = asdict(run)["settings"]
    return Live(Run(run.implementation, run.activation, run.seed, settings), "digits", uri, study)


def wait_for(condition: Callable[[], Any]) -> None:
    deadline = time.monotonic() + 60
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.05)


def epochs(store: Store) -> list[int]:
    """The epochs that MLflow has of the one run that there is; none where there is no run."""
    runs = store.runs()
    assert len(runs) <= 1
    return [step for run in runs for step, _, _ in store.points(run.info.run_id, "training_loss")]


def test_epochs_are_there_while_a_run_trains_and_the_record_joins_them(
    store: Store, study: Path, tmp_path: Path
) -> None:
    live = observer(store.uri, study)
    for number, row in enumerate(ROWS, start=1):
        live(row)
        wait_for(lambda number=number: len(epochs(store)) == number)
    (run,) = store.runs()
    assert run.info.status == "RUNNING" and mlflow_study.LIVE_TAG in run.data.tags
    assert run.data.params["learning_rate"] == "1" and run.data.params["dataset"] == "digits"
    live.close()
    (tmp_path / "run").mkdir()
    assert store.send(write_record(record(), tmp_path / "run")) == run.info.run_id
    (whole,) = store.runs()
    assert whole.info.status == "FINISHED" and mlflow_study.LIVE_TAG not in whole.data.tags
    for metric in ("training_loss", "test_accuracy", "seconds"):
        assert [step for step, _, _ in store.points(whole.info.run_id, metric)] == [1, 2, 3]


def test_what_did_not_arrive_is_sent_with_the_record(
    store: Store, study: Path, tmp_path: Path
) -> None:
    live = observer(store.uri, study)
    live(ROWS[0])
    wait_for(lambda: epochs(store) == [1])
    live.close()
    live(ROWS[1])
    assert epochs(store) == [1]
    (tmp_path / "run").mkdir()
    store.send(write_record(record(), tmp_path / "run"))
    assert epochs(store) == [1, 2, 3]


def test_training_does_not_wait_for_an_answer(study: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("no_proxy", "*")
    with socket.create_server(("127.0.0.1", 0)) as silent:
        silent.settimeout(30)
        live = observer(f"http://127.0.0.1:{silent.getsockname()[1]}", study)
        for row in ROWS:
            live(row)
        request, _ = silent.accept()
        live.close()
        # The request is still under way, and what is wrong with it not known yet.
        assert live._thread.is_alive() and not live._told
        request.close()


def test_a_server_that_is_away_is_told_once(
    study: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("no_proxy", "*")
    live = observer("http://127.0.0.1:1", study)
    for row in ROWS:
        live(row)
        wait_for(lambda: live._told)
    live.close()
    assert capsys.readouterr().out.count("live tracking:") == 1


def test_a_server_that_comes_back_gets_the_epochs_before(
    store: Store, study: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def away(*arguments: object) -> None:
        raise OSError("away")

    with monkeypatch.context() as patch:
        patch.setattr(live_tracking, "open_study", away)
        live = observer(store.uri, study)
        live(ROWS[0])
        wait_for(lambda: live._told)
    live(ROWS[1])
    wait_for(lambda: epochs(store) == [1, 2])
    live.close()


def test_a_study_that_is_started_later_is_waited_for(store: Store, study: Path) -> None:
    moved = study.rename(study.with_name("later.json"))
    live = observer(store.uri, study)
    live(ROWS[0])
    wait_for(lambda: live._told)
    moved.rename(study)
    live(ROWS[1])
    wait_for(lambda: epochs(store) == [1, 2])
    live.close()


def test_an_attempt_that_goes_on_takes_the_place_of_the_one_before(
    store: Store, study: Path
) -> None:
    first = observer(store.uri, study)
    first(ROWS[0])
    wait_for(lambda: epochs(store) == [1])
    first.close()
    second = observer(store.uri, study)
    # What the checkpoint has comes at once.
    second(ROWS[0])
    second(ROWS[1])
    wait_for(lambda: len(store.runs()) == 1 and epochs(store) == [1, 2])
    second.close()


def test_epochs_of_another_training_are_not_taken_for_this_ones(
    store: Store, study: Path, tmp_path: Path
) -> None:
    live = observer(store.uri, study)
    live(epoch_row(1, timestamp=1_600_000_000_000))
    wait_for(lambda: epochs(store) == [1])
    live.close()
    (other,) = store.runs()
    (tmp_path / "run").mkdir()
    assert store.send(write_record(record(), tmp_path / "run")) != other.info.run_id
    assert epochs(store) == [1, 2, 3]
