"""The terminal says what runs and about how long is left."""

import logging
import statistics
import time
from collections import Counter
from collections.abc import Iterable
from typing import TextIO

from snakemake_interface_logger_plugins.common import LogEvent

SECONDS_BETWEEN_LINES = 2.0


def duration(seconds: float) -> str:
    """Seconds in words: 40 s, 3 min, 2 h 5 min."""
    if seconds < 100:
        return f"{seconds:.0f} s"
    minutes = round(seconds / 60)
    return f"{minutes} min" if minutes < 100 else f"{minutes // 60} h {minutes % 60} min"


class Progress(logging.Handler):
    """Follows snakemake's events; after a finished job prints what runs and about how long is left.

    What is left of each rule counts by the rule's mean time so far (the mean over all rules where
    none of its jobs has finished), shared by as many jobs as have been seen at once.
    """

    def __init__(self, rules: Iterable[str], stream: TextIO) -> None:
        """`rules` names the rule of each job that is to run."""
        super().__init__()
        self._left = Counter(rules)
        self._stream = stream
        self._running: dict[int, tuple[str, str, float]] = {}
        self._seconds: dict[str, list[float]] = {}
        self._at_once = 1
        self._printed = 0.0

    def emit(self, record: logging.LogRecord) -> None:
        """Take note of a started or finished job."""
        event = getattr(record, "event", None)
        if event == LogEvent.JOB_INFO:
            name = getattr(record, "rule_msg", None) or record.__dict__["rule_name"]
            start = time.monotonic()
            self._running[record.__dict__["jobid"]] = (record.__dict__["rule_name"], name, start)
            self._at_once = max(self._at_once, len(self._running))
        elif event == LogEvent.JOB_ERROR:
            self._running.pop(record.__dict__["jobid"], None)
        elif event == LogEvent.JOB_FINISHED:
            started = self._running.pop(record.__dict__["job_id"], None)
            if started:
                rule, _, start = started
                self._seconds.setdefault(rule, []).append(time.monotonic() - start)
                self._left[rule] -= 1
        elif event == LogEvent.PROGRESS:
            self._print(record.__dict__["done"], record.__dict__["total"])

    def seconds_left(self) -> float:
        """About how long the remaining jobs will take."""
        if not self._seconds:
            return 0.0
        means = {rule: statistics.fmean(times) for rule, times in self._seconds.items()}
        overall = statistics.fmean(means.values())
        work = sum(count * means.get(rule, overall) for rule, count in self._left.items())
        return work / self._at_once

    def _print(self, done: int, total: int) -> None:
        now = time.monotonic()
        if done < total and now - self._printed < SECONDS_BETWEEN_LINES:
            return
        self._printed = now
        running = ", ".join(name for _, name, _ in self._running.values()) or "nothing"
        left = f"about {duration(self.seconds_left())} left" if done < total else "finished"
        print(f"{done} of {total} jobs, {left}; running: {running}", file=self._stream, flush=True)
