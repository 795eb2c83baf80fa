"""Judges side by side: processes that check one submission after the other, each under a limit.

A judge that takes too long, or ends, costs its submission and nothing else: another takes over.
"""

import contextlib
import multiprocessing
import os
import signal
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from multiprocessing import resource_tracker
from multiprocessing.connection import Connection, wait
from pathlib import Path

from mlplab.errors import UserError
from mlplab.grading import finding, handed_in
from mlplab.grading.finding import Finding
from mlplab.grading.handed_in import Refused, Submission
from mlplab.isolation.confinement import end_with_parent
from mlplab.isolation.process import Limits
from mlplab.plugins import defines

# What a judge says before it is given anything; importing takes it seconds.
READY = "ready"
SECONDS_TO_START = 120.0


@dataclass(frozen=True)
class Options:
    """How submissions are checked; all that a finding depends on but their files and the code."""

    activations: tuple[str, ...] | None = None
    isolation: str = "auto"
    file: str = ""
    limits: Limits = field(default_factory=Limits)
    # More than the limits of the process add up to: the judge itself hangs.
    hard_seconds: float = 600.0


def checked(submission: Submission, options: Options) -> Finding:
    """Check one submission, in a folder of its own: it can read nobody else's."""
    from mlplab.judging.check import judge

    began = time.monotonic()
    name = submission.name
    with tempfile.TemporaryDirectory(prefix="submission-") as made:
        folder = Path(made).resolve()
        try:
            handed_in.copy(handed_in.contents(submission), folder)
            path = handed_in.main_file(folder, options.file)
            if defines(path, "function") and not defines(path, "Network"):
                raise Refused(f"{path.name}: an activation; expected a class Network")
        except (Refused, OSError) as error:
            return finding.failed(str(error), time.monotonic() - began, name)
        chosen = options.activations
        judged = judge(path, chosen, 0, options.isolation, options.limits)
    shown = {f"{path.parent}/": "", f"{folder}/": "", str(folder): "."}
    return finding.of_judged(judged, shown, time.monotonic() - began)


def _judge_all(connection: Connection, options: Options, parent: int, scratch: str) -> None:
    """A judge's process."""
    if sys.platform == "linux":
        end_with_parent(parent)
    tempfile.tempdir = os.environ["TMPDIR"] = scratch
    import torch

    torch.set_num_threads(1)
    with contextlib.suppress(EOFError, BrokenPipeError):
        connection.send(READY)
        while True:
            submission: Submission = connection.recv()
            try:
                found: Finding | UserError = checked(submission, options)
            except UserError as error:
                found = UserError(str(error))
            except Exception as error:
                reason = f"the check itself fails on it: {type(error).__name__}"
                found = finding.failed(reason, 0.0, submission.name)
            connection.send(found)


class _Judge:
    """A process that checks one submission at a time."""

    def __init__(self, options: Options, scratch: str) -> None:
        self.task: Submission | None = None
        self._seconds = options.hard_seconds
        self._ends = time.monotonic() + SECONDS_TO_START
        context = multiprocessing.get_context("spawn")
        self.connection, theirs = context.Pipe()
        arguments = (theirs, options, os.getpid(), scratch)
        self._process = context.Process(target=_judge_all, args=arguments, daemon=True)
        # Where it is yet to be started, starting it lets the signals through again.
        resource_tracker.ensure_running()
        # Ctrl-C is for the parent, which ends the others in order.
        signals = {signal.SIGINT, signal.SIGTERM}
        before = signal.pthread_sigmask(signal.SIG_BLOCK, signals)
        try:
            self._process.start()
        finally:
            signal.pthread_sigmask(signal.SIG_SETMASK, before)
        theirs.close()

    def give(self, submission: Submission) -> None:
        self.task = submission
        self._ends = time.monotonic() + self._seconds
        self.connection.send(submission)

    def late(self) -> bool:
        return time.monotonic() > self._ends

    def answer(self) -> Finding | UserError | str | None:
        """What came back; None where the process has ended instead."""
        try:
            found: Finding | UserError | str = self.connection.recv()
        except (EOFError, OSError):
            return None
        return found

    def end(self) -> None:
        self._process.kill()
        self._process.join()
        self.connection.close()


def check_all(
    waiting: Sequence[Submission], options: Options, cores: int
) -> Iterator[tuple[Submission, Finding]]:
    """Check submissions on `cores` cores; each as soon as it is done, in the order of their ends.

    Raises UserError for what is no fault of a submission, such as isolation that cannot be had.
    """
    rest = list(reversed(waiting))
    judges: list[_Judge] = []
    with tempfile.TemporaryDirectory(prefix="grades-", ignore_cleanup_errors=True) as scratch:
        try:
            for _ in range(min(cores, len(rest))):
                judges.append(_Judge(options, scratch))
            while judges:
                ready = wait([judge.connection for judge in judges], timeout=1.0)
                for judge in [j for j in judges if j.connection in ready or j.late()]:
                    found = judge.answer() if judge.connection in ready else None
                    if isinstance(found, UserError):
                        raise found
                    task, judge.task = judge.task, None
                    if found is None:
                        if task is None:
                            raise UserError("a process that checks submissions does not start")
                        found = _without_an_answer(task, judge.late(), options)
                        judge.end()
                        judges.remove(judge)
                        if rest:
                            judges.append(_Judge(options, scratch))
                    elif rest:
                        judge.give(rest.pop())
                    else:
                        judge.end()
                        judges.remove(judge)
                    if task is not None:
                        assert isinstance(found, Finding)
                        yield task, found
        finally:
            for judge in judges:
                judge.end()


def _without_an_answer(task: Submission, late: bool, options: Options) -> Finding:
    took = options.hard_seconds if late else 0.0
    reason = (
        f"the check has not ended within {took:.0f} s"
        if late
        else "the check has ended without a verdict, as when memory runs out"
    )
    return finding.failed(reason, took, task.name)
