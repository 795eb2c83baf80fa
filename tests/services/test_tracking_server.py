"""A team's tracking server: MLflow on PostgreSQL, with all that may happen to either of them."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from mlflow import MlflowClient

from benchmarks.writers import count, send_at_once
from conftest import epoch_row, manifest, run_record, write_record
from mlplab.errors import UserError
from mlplab.files import file_digest, read_json
from mlplab.study.record import RunFiles
from mlplab.tracking import collect, entities, send
from mlplab.tracking import study as mlflow_study
from services.faults import Fault
from services.loopback import free_port, wait_for
from services.postgresql import PASSWORD, PROGRAMS, PostgreSQL, Server
from workflow.conftest import Project, fresh

pytestmark = [
    pytest.mark.slow,
    pytest.mark.services,
    pytest.mark.skipif(not PROGRAMS, reason="PostgreSQL is not installed: bash .ci/packages"),
]

RUNS = [f"{name}/relu/seed={seed}" for name in ("scratch", "concise") for seed in (0, 1)]
NOTHING_LOST = {"runs_lost": 0, "runs_doubled": 0, "points_lost": 0, "points_doubled": 0}
MANIFEST = manifest()
# The tables that need nothing of what is tracked.
WITHOUT_MLFLOW = {"agreement", "parity", "diagnostics", "networks"}
# Long enough for a fault to happen while runs train: some ten seconds on two cores.
LONG = {"epochs": 60, "batch_size": 8}


class Study(Project):
    """A project whose runs are tracked elsewhere."""

    def __init__(self, folder: Path, uri: str, **variables: str) -> None:
        super().__init__(folder)
        self.variables = {"MLFLOW_TRACKING_URI": uri, **variables}

    def environment(self) -> dict[str, str]:
        return {**super().environment(), **self.variables}

    @property
    def results(self) -> Path:
        return self.folder / "results/small"

    def records(self) -> dict[str, RunFiles]:
        return {path: RunFiles.at(self.results / "runs" / path) for path in RUNS}

    def tracked(self) -> list[dict[str, str]]:
        """What the jobs that track runs have written so far."""
        return [read_json(file) for file in (self.results / "runs").rglob("mlflow.json")]

    def trained(self) -> dict[str, tuple[int, str]]:
        """When each run was trained, and what came out: another training changes both."""
        files = {path: files.run for path, files in self.records().items()}
        return {path: (file.stat().st_mtime_ns, file_digest(file)) for path, file in files.items()}

    def held(self, database: PostgreSQL) -> dict[str, int]:
        """What of the study is lost or doubled in MLflow."""
        return count(database.uri, read_json(self.results / "study.json"), self.records())

    def finish(self) -> str:
        """Run the study to its end; returns what snakemake printed."""
        answer = self.run("--cores", "2")
        assert answer.returncode == 0, answer.stdout
        return answer.stdout


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Study:
    """A study that was trained while its server was away from the start; tests take copies."""
    folder = tmp_path_factory.mktemp("trained") / "project"
    fresh(folder)
    study = Study(folder, f"http://127.0.0.1:{free_port()}")
    study.write_config(tracking={"wait_seconds": 2})
    answer = study.run("--cores", "2")
    assert answer.returncode != 0
    assert "tracking.uri: the MLflow store http://127.0.0.1" in answer.stdout
    assert "Connection refused" in answer.stdout
    assert all(files.evaluation.exists() for files in study.records().values())
    # Parity is no matter of runs.
    assert {table.stem for table in (study.results / "tables").glob("*")} == WITHOUT_MLFLOW
    return study


@pytest.fixture
def copy(trained: Study, server: Server, tmp_path: Path) -> Study:
    """A trained study that is now tracked on the server, under a name of its own there."""
    return Study(trained.copy(tmp_path / "copy").folder, server.uri)


@pytest.fixture
def clean(server: Server) -> Iterator[None]:
    """Leave no study named `small` on the server for the next test, whatever became of this one."""
    yield
    client = MlflowClient(server.uri)
    experiment = client.get_experiment_by_name("small")
    if experiment:
        client.rename_experiment(experiment.experiment_id, f"small {time.time()}")


@pytest.mark.usefixtures("clean")
def test_a_server_that_is_killed_while_runs_train(
    database: PostgreSQL, server: Server, tmp_path: Path, fault: Fault
) -> None:
    """server killed -9 and restarted"""
    fresh(tmp_path / "project")
    study = Study(tmp_path / "project", server.uri)
    study.write_config(training=LONG)
    begun = time.monotonic()
    process = study.start("--cores", "2")
    wait_for((study.results / "study.json").exists, 60, "the start of the study")
    server.kill()
    wait_for(study.tracked, 120, "a cell's runs, trained and not sent")
    assert all("deferred" in run for run in study.tracked())
    server.start()
    output, _ = process.communicate(timeout=300)
    fault.seconds = time.monotonic() - begun
    assert process.returncode == 0, output
    assert "will be sent before the tables" in output
    assert (study.results / "report.html").exists()
    held = study.held(database)
    fault.happened = "training went on, runs sent later"
    fault.count(held)
    assert held == NOTHING_LOST
    places = read_json(study.results / "tracked.json")
    assert list(places) == RUNS
    page = (study.results / "report.html").read_text()
    assert all(place["run_id"] in page for place in places.values())


@pytest.mark.usefixtures("clean")
def test_postgresql_that_crashes_while_runs_train(
    database: PostgreSQL, server: Server, tmp_path: Path, fault: Fault
) -> None:
    """PostgreSQL crashed and restarted"""
    fresh(tmp_path / "project")
    study = Study(tmp_path / "project", server.uri)
    study.write_config(training=LONG)
    begun = time.monotonic()
    process = study.start("--cores", "2", "--", "results/small/tracked.json")
    wait_for((study.results / "study.json").exists, 60, "the start of the study")
    database.stop()
    wait_for(study.tracked, 120, "a cell's runs, trained and not sent")
    assert all("deferred" in run for run in study.tracked())
    database.start()
    output, _ = process.communicate(timeout=300)
    assert process.returncode == 0, output
    held = study.held(database)
    fault.seconds = time.monotonic() - begun
    fault.happened = "training went on, runs sent later"
    fault.count(held)
    assert held == NOTHING_LOST


@pytest.mark.usefixtures("clean")
def test_a_server_that_stays_away_ends_the_study_before_its_tables(
    database: PostgreSQL, server: Server, copy: Study, fault: Fault
) -> None:
    """server away for good, then back"""
    before = copy.trained()
    answer = copy.run("--cores", "2", "--", "results/small/study.json")
    assert answer.returncode == 0, answer.stdout
    server.kill()
    try:
        answer = copy.run("--cores", "2")
    finally:
        server.start()
    assert answer.returncode != 0
    # Told when it happens, and again at the end.
    (line,) = {line for line in answer.stdout.splitlines() if "has been away for 2 s" in line}
    assert f"the MLflow store {server.uri}" in line
    assert "4 of 4 runs wait to be sent to it" in line
    assert "start it and run the same command" in line
    assert {table.stem for table in (copy.results / "tables").glob("*")} == WITHOUT_MLFLOW
    assert not (copy.results / "tracked.json").exists()
    begun = time.monotonic()
    output = copy.finish()
    fault.seconds = time.monotonic() - begun
    assert "Training" not in output
    assert copy.trained() == before
    held = copy.held(database)
    fault.happened = "stopped; same command finished"
    fault.count(held)
    assert held == NOTHING_LOST
    assert "Nothing to be done" in copy.run("--dry-run").stdout


@pytest.mark.usefixtures("clean")
def test_a_server_that_stands_still(
    database: PostgreSQL, server: Server, copy: Study, fault: Fault
) -> None:
    """server stopped for seconds"""
    # What is created while nobody waits for the answer any longer is there when it goes on.
    copy.variables["MLFLOW_HTTP_REQUEST_TIMEOUT"] = "1"
    begun = time.monotonic()
    process = copy.start("--cores", "2", "--", "results/small/tracked.json")
    wait_for((copy.results / "study.json").exists, 60, "the start of the study")
    server.signal(signal.SIGSTOP)
    try:
        wait_for(lambda: any("deferred" in run for run in copy.tracked()), 60, "a deferred run")
    finally:
        server.signal(signal.SIGCONT)
    output, _ = process.communicate(timeout=300)
    if process.returncode:
        # With one second for an answer, reading may have been cut short as well.
        copy.variables.pop("MLFLOW_HTTP_REQUEST_TIMEOUT")
        answer = copy.run("--cores", "2", "--", "results/small/tracked.json")
        assert answer.returncode == 0, output + answer.stdout
    fault.seconds = time.monotonic() - begun
    held = copy.held(database)
    fault.happened = "runs sent later"
    fault.count(held)
    assert held == NOTHING_LOST


@pytest.mark.usefixtures("clean")
def test_a_server_that_lost_its_data_is_told_from_one_that_is_away(
    server: Server, copy: Study
) -> None:
    target = ("--cores", "2", "--", "results/small/tracked.json")
    assert copy.run(*target).returncode == 0
    client = MlflowClient(server.uri)
    experiment = client.get_experiment_by_name("small")
    assert experiment
    client.rename_experiment(experiment.experiment_id, f"other {time.time()}")
    answer = copy.run(*target[:2], "--forcerun", "collect_runs", *target[2:])
    assert answer.returncode != 0
    assert "does not hold the study's experiment" in answer.stdout
    assert "--forcerun start_study" in answer.stdout
    again = copy.run(*target[:2], "--forcerun", "start_study", *target[2:])
    assert again.returncode == 0, again.stdout
    assert "Training" not in again.stdout


def records(folder: Path, number: int) -> dict[str, RunFiles]:
    made = {}
    for seed in range(number):
        path = f"scratch/relu/seed={seed}"
        (folder / path).mkdir(parents=True)
        history = [epoch_row(epoch) for epoch in range(1, 11)]
        made[path] = write_record(run_record(path, history), folder / path)
    return made


def test_64_writers_at_once_lose_nothing(
    database: PostgreSQL,
    server: Server,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    study = mlflow_study.start_study(server.uri, "64 writers")
    made = records(tmp_path, 64)
    told = send_at_once(server.uri, study, made, MANIFEST)
    assert not [each for each in told.values() if "failed" in each]
    seconds = sorted(each["seconds"] for each in told.values())
    deferred = sum("deferred" in each for each in told.values())
    # What the study does before its tables.
    collect.collect_runs(server.uri, study, made, told, MANIFEST, "0" * 64, 60)
    held = count(database.uri, study, made)
    with capsys.disabled():
        print(
            f"\n64 writers: {seconds[32]:.1f} s a run in the median, {seconds[-1]:.1f} s at most; "
            f"{deferred} deferred; {held}"
        )
    assert held == NOTHING_LOST


def test_many_senders_of_one_run_make_one_run(
    database: PostgreSQL, server: Server, tmp_path: Path
) -> None:
    study = mlflow_study.start_study(server.uri, "one run")
    ((path, files),) = records(tmp_path, 1).items()
    senders = {f"{path} {number}": files for number in range(8)}
    told = send_at_once(server.uri, study, senders, MANIFEST)
    assert len({each["run_id"] for each in told.values()}) == 1, told
    assert count(database.uri, study, {path: files}) == NOTHING_LOST


def test_points_that_are_sent_twice_are_kept_once(server: Server, tmp_path: Path) -> None:
    study = mlflow_study.start_study(server.uri, "twice")
    (files,) = records(tmp_path, 1).values()
    client = MlflowClient(server.uri)
    ids = set()
    for _ in range(2):
        (sent,) = send.track_runs(server.uri, study, [files], MANIFEST, "0" * 64)
        ids.add(sent["run_id"])
        client.update_run(sent["run_id"], status="RUNNING")
    (run_id,) = ids
    record = files.load()
    expected = [(row["epoch"], row["timestamp"], row["test_loss"]) for row in record.history]
    history = client.get_metric_history(run_id, "test_loss")
    assert [(point.step, point.timestamp, point.value) for point in history] == expected
    assert len(client.get_run(run_id).inputs.dataset_inputs) == 2
    assert set(client.get_run(run_id).data.params) == set(entities.parameters(record))


def test_a_backup_restores_every_run_and_file(
    database: PostgreSQL, server: Server, tmp_path: Path
) -> None:
    study = mlflow_study.start_study(server.uri, "backed up")
    made = records(tmp_path, 2)
    send.track_runs(server.uri, study, list(made.values()), MANIFEST, "0" * 64)
    dump = f"--file={tmp_path}/mlflow.dump"
    restored = database.uri.removesuffix("mlflow") + "restored"
    database.query("create database restored")
    for command in (
        ["pg_dump", "--format=custom", dump, database.uri],
        ["pg_restore", f"--dbname={restored}", "--exit-on-error", f"{tmp_path}/mlflow.dump"],
    ):
        subprocess.run([PROGRAMS[-1] / command[0], *command[1:]], check=True)
    assert count(restored, study, made) == NOTHING_LOST
    # Their files are where the server was told to keep them, and nowhere else.
    kept = {file.name for file in (server.folder / "artifacts").rglob("*") if file.is_file()}
    assert kept >= {file.name for file in made[next(iter(made))].all()}


def holding(folder: Path, secret: str) -> list[Path]:
    """Every file below a folder that has the secret in its name or bytes."""
    files = [path for path in folder.rglob("*") if path.is_file()]
    return [path for path in files if secret in str(path) or secret.encode() in path.read_bytes()]


def test_a_password_in_the_address_of_a_database_is_written_nowhere(
    database: PostgreSQL, trained: Study, tmp_path: Path
) -> None:
    database.query("create database direct")
    uri = database.uri.removesuffix("mlflow") + "direct"
    study = Study(trained.copy(tmp_path / "copy").folder, uri)
    output = study.finish()
    assert PASSWORD not in output
    assert holding(study.folder, PASSWORD) == []
    assert count(uri, read_json(study.results / "study.json"), study.records()) == NOTHING_LOST
    dump = subprocess.run(
        [PROGRAMS[-1] / "pg_dump", "--inserts", uri], capture_output=True, check=True, text=True
    )
    assert "mlplab.run" in dump.stdout
    assert PASSWORD not in dump.stdout


def test_a_user_s_password_is_asked_for_and_written_nowhere(
    database: PostgreSQL, trained: Study, tmp_path: Path
) -> None:
    database.query("create database guarded")
    uri = database.uri.removesuffix("mlflow") + "guarded"
    settings = tmp_path / "basic_auth.ini"
    settings.write_text(
        f"[mlflow]\ndefault_permission = READ\ndatabase_uri = {uri}\nadmin_username = admin\n"
    )
    secrets = {
        "MLFLOW_AUTH_ADMIN_PASSWORD": PASSWORD,
        "MLFLOW_FLASK_SERVER_SECRET_KEY": "recognisable-key",
        "MLFLOW_AUTH_CONFIG_PATH": str(settings),
    }
    server = Server(tmp_path / "server", uri, ("--app-name", "basic-auth"), secrets)
    try:
        for line in _command_lines(server.process.pid):
            assert PASSWORD not in line and "recognisable-key" not in line
        with pytest.raises(UserError, match="MLFLOW_TRACKING_PASSWORD"):
            mlflow_study.start_study(server.uri, "nobody's")
        user = {"MLFLOW_TRACKING_USERNAME": "admin", "MLFLOW_TRACKING_PASSWORD": PASSWORD}
        study = Study(trained.copy(tmp_path / "copy").folder, server.uri, **user)
        output = study.finish()
        assert PASSWORD not in output
        assert holding(study.folder, PASSWORD) == []
        held = count(uri, read_json(study.results / "study.json"), study.records())
        assert held == NOTHING_LOST
    finally:
        server.close()
    assert PASSWORD not in (tmp_path / "server/log").read_text()


def _command_lines(group: int) -> list[str]:
    """What everybody sees of the processes of a group."""
    found = []
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            if os.getpgid(int(folder.name)) == group:
                found.append((folder / "cmdline").read_text())
        except (OSError, ProcessLookupError):
            continue
    assert found
    return found


def test_a_server_without_its_database_says_so_in_one_line(database: PostgreSQL) -> None:
    wrong = database.uri.replace(PASSWORD, "another")
    answer = subprocess.run(
        [sys.executable, "-m", "mlplab.cli", "server", "--port", str(free_port())],
        env={**os.environ, "MLFLOW_BACKEND_STORE_URI": wrong},
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert answer.returncode == 1
    (line,) = answer.stderr.splitlines()
    assert "MLFLOW_BACKEND_STORE_URI" in line
    assert "password authentication failed" in line
    assert "another" not in line
