import io
import logging

import pytest
from snakemake_interface_logger_plugins.common import LogEvent

from mlplab_runtime.progress import Progress, duration


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
