"""From Snakemake's events to how far a study is."""

import logging
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from snakemake_interface_logger_plugins.common import LogEvent

from mlplab.study.record import NAMES
from mlplab.terminal import records
from mlplab.terminal.progress import Failure, Job, Network, Progress

# How Snakemake puts it that a job was ended by Ctrl-C, which reaches all jobs at once.
INTERRUPTED = "returned non-zero exit status 130"


def job_of(values: Mapping[str, Any]) -> Job:
    """The job that an event is about."""
    words = [str(value).replace("/", " ").strip() for value in values["wildcards"].values()]
    name = " ".join(filter(None, [values["rule_name"].replace("_", " "), *words]))
    # A run's record begins with its history, and only that of its training has one.
    outputs = [Path(str(path)) for path in values["output"]]
    histories = [path.parent for path in outputs if path.name == NAMES["history"]]
    log = next(map(str, values["log"]), None)
    network = str(histories[0]) if histories else None
    return Job(values["rule_name"], name, log, network, time.time())


class Follower:
    """Keeps the progress of a study; what an event changes is returned."""

    def __init__(self, progress: Progress, finishes: bool = True) -> None:
        """`finishes`: whether Snakemake says which jobs have ended, which with --quiet it does not.

        Of jobs that would seem to run for ever nothing is kept.
        """
        self.progress = progress
        self._finishes = finishes
        # The cluster's logs of a group whose jobs are about to be told as failed.
        self._logs: list[str] = []
        self._interrupted = False

    def follow(self, record: logging.LogRecord) -> Iterator[tuple[Job, Network | None] | Failure]:
        """Take note of an event; yield the job that has ended, or those that have failed."""
        event, values = getattr(record, "event", None), record.__dict__
        if event == LogEvent.JOB_INFO and self._finishes:
            self.progress.begin(values["jobid"], job_of(values))
        elif event == LogEvent.JOB_FINISHED:
            job = self.progress.finish(values["job_id"], time.time())
            # A rule without outputs is but the name of others.
            if job and job.log:
                network = records.network(Path(job.network)) if job.network else None
                if network:
                    self.progress.count(network)
                yield job, network
        elif event == LogEvent.GROUP_ERROR:
            # An event for each of its jobs follows.
            self._logs = [*map(str, values["aux_logs"])]
        elif event == LogEvent.ERROR:
            self._interrupted |= INTERRUPTED in record.getMessage()
        elif event == LogEvent.JOB_ERROR and self._interrupted:
            self.progress.running.pop(str(values["jobid"]), None)
        elif event == LogEvent.JOB_ERROR:
            yield self._failed(values)
        elif event == LogEvent.PROGRESS:
            self.progress.done, self.progress.total = values["done"], values["total"]

    def _failed(self, values: Mapping[str, Any]) -> Failure:
        job = self.progress.running.get(str(values["jobid"]))
        name = job.name if job else str(values["rule_name"]).replace("_", " ")
        logs = [*map(str, values["log"] or ()), *(self._logs if values["indent"] else ())]
        failure = records.failure(name, logs, values["rule_msg"])
        self.progress.fail(values["jobid"], failure)
        return failure
