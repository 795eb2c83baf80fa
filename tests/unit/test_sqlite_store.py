"""A local store: whole or not there whatever is killed, and where its folder is."""

import os
import random
import shutil
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from contextlib import closing
from multiprocessing import get_context
from pathlib import Path
from typing import Any, TypeVar
from unittest import mock

import pytest
import sqlalchemy
from mlflow import MlflowClient
from test_tracking import MANIFEST

from conftest import run_record, write_record
from mlplab.errors import UserError
from mlplab.tracking import sqlite
from mlplab.tracking.send import track_runs
from mlplab.tracking.store import is_away
from mlplab.tracking.study import open_study, start_study
from mlplab.tracking.uri import DEFAULT_URI

pytestmark = pytest.mark.slow

FILE = Path("results/mlflow/mlflow.db")
START = (
    "import sys; from mlplab.tracking.study import start_study; print('ready', flush=True); "
    f"sys.stdin.readline(); start_study({DEFAULT_URI!r}, 'mine')"
)
Answer = TypeVar("Answer")


def apart(function: Callable[..., Answer], folder: Path, *arguments: object) -> Answer:
    """What a function returns in a process of its own, in `folder`.

    Within a process MLflow takes a store of the same name for the same store.
    """
    with ProcessPoolExecutor(1, get_context("fork"), os.chdir, (folder,)) as pool:
        return pool.submit(function, *arguments).result()


def uri() -> str:
    """This folder's store: another one's name may be known already."""
    return f"sqlite:///{Path.cwd() / FILE}"


def start() -> dict[str, Any]:
    return start_study(uri(), "mine")


def send(study: dict[str, Any], path: str, record: Path) -> str:
    """Send a run, of which `record` becomes the folder; returns its id."""
    record.mkdir()
    files = [write_record(run_record(path), record)]
    (sent,) = track_runs(uri(), study, files, MANIFEST, "digest")
    return sent["run_id"]


@pytest.fixture(scope="module")
def template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a store and a study in it."""
    folder = tmp_path_factory.mktemp("template")
    study = apart(start, folder)
    apart(send, folder, study, "scratch/relu/seed=0", folder / "record")
    return folder


def make(folder: Path) -> Path:
    folder.mkdir()
    return folder


def artifacts(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.rglob("artifacts/mine/*/artifacts/*"))


def files(folder: Path) -> list[str]:
    """What lies beside the store's artifacts."""
    return [path.name for path in (folder / FILE.parent).iterdir() if path.is_file()]


@pytest.mark.parametrize(
    ("store", "file"),
    [
        ("sqlite:///a/b.db", Path("a/b.db")),
        ("sqlite+pysqlite:////a/b.db", Path("/a/b.db")),
        ("sqlite://", None),
        ("sqlite:///:memory:", None),
        ("http://127.0.0.1:5000", None),
        ("postgresql:///mlflow", None),
    ],
)
def test_only_a_sqlite_file_is_one(store: str, file: Path | None) -> None:
    assert sqlite.path_of(store) == file


def _watched() -> list[bool]:
    seen = []

    def client(store: str) -> MlflowClient:
        made = MlflowClient(store)
        seen.append(FILE.exists())
        return made

    with mock.patch.object(sqlite, "MlflowClient", client):
        start()
    return seen


def test_a_store_is_made_beside_its_place(tmp_path: Path) -> None:
    assert apart(_watched, tmp_path) == [False]
    assert files(tmp_path) == [FILE.name]


def test_only_while_it_is_made_nothing_waits_for_the_disk(tmp_path: Path) -> None:
    with mock.patch("os.fsync") as fsync:
        sqlite.make_whole(tmp_path / "mlflow.db")
    fsync.assert_called_once()
    engine = sqlalchemy.create_engine(f"sqlite:///{tmp_path / 'mlflow.db'}")
    with engine.connect() as connection:
        full = 2
        assert connection.exec_driver_sql("PRAGMA synchronous").scalar() == full
    engine.dispose()


def test_killed_at_any_moment_it_is_made_the_next_time(tmp_path: Path) -> None:
    # The moments are spread over what it takes without a kill; the first time it takes longer.
    moments = random.Random(0)
    seconds, killed = 3.0, 0
    for attempt in range(7):
        folder = make(tmp_path / str(attempt))
        with subprocess.Popen(
            [sys.executable, "-c", START], cwd=folder, stdin=-1, stdout=-1, stderr=-1, text=True
        ) as process:
            assert process.stdin and process.stdout
            assert process.stdout.readline() == "ready\n"
            begun = time.monotonic()
            process.stdin.write("\n")
            process.stdin.flush()
            if attempt > 1:
                time.sleep(moments.uniform(0, 0.9 * seconds))
                process.send_signal(moments.choice([signal.SIGKILL, signal.SIGINT]))
            process.communicate(timeout=60)
            seconds = time.monotonic() - begun if attempt <= 1 else seconds
        killed += process.returncode != 0
        assert apart(start, folder)["study"] == "mine"
        assert files(folder) == [FILE.name]
    assert killed >= 3


def test_several_that_make_it_at_once_have_the_same(tmp_path: Path) -> None:
    with ProcessPoolExecutor(3, get_context("fork"), os.chdir, (tmp_path,)) as pool:
        started = [pool.submit(start) for _ in range(3)]
    assert len({each.result()["study_run_id"] for each in started}) == 1
    assert files(tmp_path) == [FILE.name]


def test_an_empty_file_is_no_store_yet(tmp_path: Path) -> None:
    (tmp_path / FILE).parent.mkdir(parents=True)
    (tmp_path / FILE).touch()
    assert apart(start, tmp_path)["study"] == "mine"
    assert (tmp_path / FILE).stat().st_size


def test_a_store_that_is_half_made_is_told_as_such_and_not_waited_for(
    template: Path, tmp_path: Path
) -> None:
    folder = tmp_path / "project"
    shutil.copytree(template, folder)
    with closing(sqlite3.connect(folder / FILE)) as store, store:
        store.execute("DROP TABLE runs")
    begun = time.monotonic()
    with pytest.raises(UserError) as refused:
        apart(start, folder)
    assert time.monotonic() - begun < 4
    message = str(refused.value)
    assert "is no whole database of MLflow's" in message
    assert f"move {folder / FILE} away" in message
    assert "--forcerun start_study" in message
    # What is advised works.
    (folder / FILE).rename(folder / "elsewhere.db")
    apart(start, folder)


def test_a_file_that_is_no_database_is_told_as_such(tmp_path: Path) -> None:
    (tmp_path / FILE).parent.mkdir(parents=True)
    (tmp_path / FILE).write_bytes(b"no database at all" * 100)
    with pytest.raises(UserError, match="is no whole database of MLflow's"):
        apart(start, tmp_path)


def test_only_what_may_pass_is_waited_for() -> None:
    for words, passes in (("database is locked", True), ("no such table: runs", False)):
        assert sqlite.passes(sqlite3.OperationalError(words)) is passes
        error = sqlalchemy.exc.OperationalError("", {}, sqlite3.OperationalError(words))
        assert is_away(error) is passes


def _look(study: dict[str, Any], back: Path) -> dict[str, str]:
    """Where the store says that each run's artifacts are; one of each is fetched."""
    client = open_study(uri(), study)
    found = {}
    for run in client.search_runs([study["experiment_id"]], "tags.`mlplab.kind` = 'run'"):
        client.download_artifacts(run.info.run_id, "run.json", str(back))
        (back / "run.json").unlink()
        found[run.info.run_name] = run.info.artifact_uri
    return found


@pytest.mark.parametrize("how", ["moved", "copied"])
def test_artifacts_go_where_the_folder_is_now(template: Path, tmp_path: Path, how: str) -> None:
    first, folder = tmp_path / "first", tmp_path / "second"
    shutil.copytree(template, first)
    # As if the template had been made here.
    study = apart(start, first)
    before = artifacts(first)
    if how == "moved":
        first.rename(folder)
    else:
        shutil.copytree(first, folder)
    apart(send, folder, study, "concise/relu/seed=0", folder / "another")
    places = apart(_look, folder, study, make(tmp_path / "back"))
    assert sorted(places) == ["concise/relu/seed=0", "scratch/relu/seed=0"]
    here = (folder / "results/mlflow/artifacts/mine").as_uri()
    assert all(place.startswith(f"{here}/") for place in places.values())
    assert len(artifacts(folder)) > len(before)
    if how == "moved":
        assert not first.exists()
    else:
        assert artifacts(first) == before


def _elsewhere(places: list[str]) -> list[str]:
    sqlite.make_whole(FILE)
    client = MlflowClient(uri())
    for name in places:
        client.create_experiment(name[-5:], artifact_location=name)
        start_study(uri(), name[-5:])
    return [client.get_experiment_by_name(name[-5:]).artifact_location for name in places]


def test_artifacts_that_are_kept_elsewhere_stay_there(tmp_path: Path) -> None:
    places = [make(tmp_path / "there").as_uri(), "s3://bucket/cloud"]
    assert apart(_elsewhere, make(tmp_path / "project"), places) == places
    assert os.listdir(tmp_path / "there") == []
