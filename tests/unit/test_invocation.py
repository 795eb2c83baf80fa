import io
import logging
import os
import subprocess
import sys
from pathlib import Path

import pytest
from snakemake_interface_logger_plugins.common import LogEvent

from conftest import REPOSITORY
from invocation import Progress, duration, hold_lock, refuse_sqlite


def send(progress: Progress, event: LogEvent, **values: object) -> None:
    record = logging.makeLogRecord({"event": event, **values})
    progress.emit(record)


def test_progress_tells_what_runs_and_how_long_it_will_take(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    now = 100.0
    monkeypatch.setattr("time.monotonic", lambda: now)
    stream = io.StringIO()
    progress = Progress(["train"] * 4, stream)
    for job in (1, 2):
        send(progress, LogEvent.JOB_INFO, jobid=job, rule_name="train", rule_msg=f"Training {job}")
    now += 10
    send(progress, LogEvent.JOB_FINISHED, job_id=1)
    assert progress.seconds_left() == pytest.approx(3 * 10 / 2)
    send(progress, LogEvent.PROGRESS, done=1, total=4)
    assert stream.getvalue() == "1 of 4 jobs, about 15 s left; running: Training 2\n"


def test_durations_are_said_in_words() -> None:
    assert [duration(s) for s in (40, 200, 7500)] == ["40 s", "3 min", "2 h 5 min"]


def test_a_lock_is_refused_while_held_and_free_when_its_process_was_killed(tmp_path: Path) -> None:
    path = tmp_path / "lock"
    code = (
        "import sys, time; sys.path.insert(0, sys.argv[2]); from pathlib import Path; "
        "from invocation import hold_lock; lock = hold_lock(Path(sys.argv[1])); "
        "print('held', flush=True); time.sleep(60)"
    )
    library = str(Path(__file__).parents[2] / "workflow")
    process = subprocess.Popen(
        [sys.executable, "-c", code, str(path), library], stdout=subprocess.PIPE, text=True
    )
    assert process.stdout is not None
    assert process.stdout.readline() == "held\n"
    with pytest.raises(SystemExit, match="Another snakemake"):
        hold_lock(path)
    process.kill()
    process.wait()
    hold_lock(path).close()


def test_a_timer_that_is_left_does_not_keep_the_process_from_ending() -> None:
    program = (
        "import threading, invocation\n"
        "invocation.end_timers_with_main_thread()\n"
        "threading.Timer(600, print, ['late']).start()\n"
        "print('done')\n"
    )
    answer = subprocess.run(
        [sys.executable, "-c", program],
        env={**os.environ, "PYTHONPATH": str(REPOSITORY / "workflow")},
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert (answer.stdout, answer.stderr, answer.returncode) == ("done\n", "", 0)


@pytest.mark.parametrize(
    ("configured", "variable", "allowed", "refused"),
    [
        (None, None, False, True),
        (None, "sqlite:////home/ada/mlflow.db", False, True),
        ("sqlite+pysqlite:///mlflow.db", None, False, True),
        ("sqlite:///mlflow.db", "http://head-node:5000", False, True),
        ("sqlite:///mlflow.db", None, True, False),
        (None, "http://head-node:5000", False, False),
        ("postgresql://head-node/mlflow", None, False, False),
    ],
)
def test_a_sqlite_store_is_refused_on_a_cluster_unless_it_is_insisted_on(
    monkeypatch: pytest.MonkeyPatch,
    configured: str | None,
    variable: str | None,
    allowed: bool,
    refused: bool,
) -> None:
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    if variable:
        monkeypatch.setenv("MLFLOW_TRACKING_URI", variable)
    config = {"tracking": {"uri": configured}, "cluster": {"allow_sqlite": allowed}}
    if refused:
        with pytest.raises(SystemExit, match=r"SQLite file.*`cluster: allow_sqlite: true`"):
            refuse_sqlite(config)
    else:
        refuse_sqlite(config)
