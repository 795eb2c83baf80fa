"""How far a study is: progress.json in its folder, kept by the snakemake that runs it."""

import json
import os
import platform
import statistics
import time
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Literal

from mlplab.files import write_text

FILE = "progress.json"


@dataclass
class Job:
    """A job under way; `network` is the folder of the run that it trains, if it does."""

    rule: str
    name: str
    log: str | None
    network: str | None
    started: float


@dataclass(frozen=True)
class Failure:
    """A job that failed: the last line of its log, where that was, and the log's path."""

    name: str
    message: str
    place: str
    log: str

    @property
    def said(self) -> str:
        """Its place, where it is known, and its message."""
        return f"{self.place}: {self.message}" if self.place else self.message


@dataclass(frozen=True)
class Network:
    """A network that was trained: its run, the last loss, the accuracy that it is scored by.

    One whose code is broken has the `error` alone; one that diverged has no finite loss.
    """

    run: str
    status: str
    loss: float | None = None
    split: str = "test"
    accuracy: float | None = None
    error: str | None = None


@dataclass
class Progress:
    """A study as its snakemake sees it. Times are Unix times in seconds.

    `left` counts the jobs of each rule that have not ended; `seconds` are the mean and the number
    of those that have. `best` is the most accurate of the networks that were trained.
    """

    study: str
    started: float = field(default_factory=time.time)
    updated: float = 0.0
    status: Literal["running", "finished", "failed", "stopped"] = "running"
    process: int = field(default_factory=os.getpid)
    host: str = field(default_factory=platform.node)
    total: int = 0
    done: int = 0
    left: dict[str, int] = field(default_factory=dict)
    seconds: dict[str, tuple[float, int]] = field(default_factory=dict)
    at_once: int = 1
    running: dict[str, Job] = field(default_factory=dict)
    failures: dict[str, Failure] = field(default_factory=dict)
    trained: int = 0
    crashed: int = 0
    diverged: int = 0
    best: Network | None = None

    def begin(self, number: object, job: Job) -> None:
        """Take note that a job was started, for the first time or again."""
        self.failures.pop(str(number), None)
        self.running[str(number)] = job
        self.at_once = max(self.at_once, len(self.running))

    def finish(self, number: object, now: float) -> Job | None:
        """Take note that a job has ended well; returns it."""
        job = self.running.pop(str(number), None)
        self.done += 1
        if job:
            mean, count = self.seconds.get(job.rule, (0.0, 0))
            mean += (now - job.started - mean) / (count + 1)
            self.seconds[job.rule] = mean, count + 1
            self.left[job.rule] = max(self.left.get(job.rule, 1) - 1, 0)
        return job

    def fail(self, number: object, failure: Failure) -> None:
        """Take note that a job has failed; it may be started again."""
        self.running.pop(str(number), None)
        self.failures[str(number)] = failure

    def count(self, network: Network) -> None:
        """Take note of a network that was trained."""
        self.trained += 1
        self.crashed += network.status == "failed"
        self.diverged += network.status == "diverged"
        known = (network.accuracy, self.best.accuracy if self.best else None)
        if known[0] is not None and (known[1] is None or known[0] > known[1]):
            self.best = network

    def seconds_left(self, now: float) -> float | None:
        """About how long the remaining jobs will take; None before the first has ended.

        A job counts by its rule's mean time (the mean over all rules where none of its jobs has
        ended), shared by as many as have been seen at once.
        """
        if not self.seconds:
            return None
        means = {rule: mean for rule, (mean, _) in self.seconds.items()}
        overall = statistics.fmean(means.values())
        work = sum(count * means.get(rule, overall) for rule, count in self.left.items())
        begun = sum(
            min(now - job.started, means.get(job.rule, overall)) for job in self.running.values()
        )
        return max(work - begun, 0.0) / self.at_once

    def end(self) -> None:
        """Take note that snakemake has ended: well, or not."""
        finished = self.done >= self.total and not self.failures
        self.status = "finished" if finished else "failed" if self.failures else "stopped"
        self.running.clear()

    def save(self, now: float) -> None:
        """Write it to the study's folder, whole or not at all."""
        self.updated = now
        write_text(Path(self.study) / FILE, json.dumps(asdict(self)) + "\n")

    @classmethod
    def load(cls, study: Path) -> "Progress":
        """What was written to a study's folder; OSError or ValueError where nothing of use was."""
        values: dict[str, Any] = json.loads((study / FILE).read_text(encoding="utf-8"))
        try:
            values["running"] = {key: Job(**job) for key, job in values["running"].items()}
            values["failures"] = {key: Failure(**each) for key, each in values["failures"].items()}
            values["best"] = Network(**values["best"]) if values["best"] else None
            return cls(**values)
        except (KeyError, TypeError, AttributeError) as error:
            raise ValueError(f"{study / FILE}: {error}") from None
