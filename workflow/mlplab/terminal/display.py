"""Where a study is shown: as a block that is drawn anew on a terminal, as lines elsewhere."""

import os
import sys
import time
from collections.abc import Iterable
from contextlib import AbstractContextManager
from typing import Any, TextIO

from rich.console import Console, Group
from rich.live import Live
from rich.text import Text

from mlplab.terminal.block import block, idle, networks
from mlplab.terminal.ending import Line
from mlplab.terminal.progress import Failure, Job, Network, Progress
from mlplab.terminal.stderr import Diverted
from mlplab.terminal.words import duration

# Seconds without a line after which one says what goes on.
PATIENCE = 4.0
COLORS = {"plain": "", "good": "green", "warning": "yellow", "bad": "red"}


class Display:
    """What shows a study; this one shows nothing but the lines that it is told to."""

    def __init__(self, stream: TextIO | None = None) -> None:
        self._stream = stream

    def tick(self, progress: Progress) -> None:
        """Show how far it is by now; called a few times a second."""

    def finished(self, progress: Progress, job: Job, network: Network | None) -> None:
        """Show that a job has ended, and the network that it has trained."""

    def failed(self, failure: Failure) -> None:
        """Show that a job has failed."""

    def say(self, line: Line) -> None:
        """Show a line that stays."""
        print(line.text, file=self._stream or sys.stderr, flush=True)

    def close(self) -> None:
        """Show nothing more but lines that stay."""


def can_draw(stream: TextIO) -> bool:
    """Whether rows that are on a stream already can be drawn anew."""
    return stream.isatty() and os.environ.get("TERM", "dumb") not in ("dumb", "unknown")


def said_of(failure: Failure) -> Line:
    """A failed job in a line."""
    log = f" ({failure.log})" if failure.log else ""
    return Line(f"✗ {failure.name} failed{log}: {failure.said}", "bad")


def result(network: Network) -> Line:
    """A trained network in a few words."""
    if network.status == "failed":
        return Line(f"✗ crashed: {network.error}", "bad")
    loss = "" if network.loss is None else f"loss {network.loss:.4f}"
    if network.status == "diverged":
        return Line(f"✗ diverged: {loss}", "bad")
    if network.accuracy is None:
        return Line(loss)
    return Line(f"{loss}, {network.split} accuracy {network.accuracy:.4f}")


class Block(Display):
    """On a terminal: a block of a few rows below the lines that stay.

    What is written to standard error meanwhile becomes such a line; `lock` is held for it.
    """

    def __init__(self, lock: AbstractContextManager[Any], no_color: bool = False) -> None:
        super().__init__()
        self._lock = lock
        self._diverted = Diverted(self._written)
        self._terminal = self._diverted.terminal
        # None: as the environment's NO_COLOR says.
        without = True if no_color else None
        self._console = Console(
            file=self._terminal, force_terminal=True, highlight=False, no_color=without
        )
        self._plain = not self._console.encoding.lower().startswith("utf")
        self._live = Live(
            console=self._console,
            auto_refresh=False,
            transient=True,
            redirect_stdout=False,
            redirect_stderr=False,
        )
        self._live.start()

    def tick(self, progress: Progress) -> None:
        """Draw the block anew."""
        width = self._width()
        self._console.width = width
        rows = block(progress, networks(progress), time.time(), width, self._plain)
        self._live.update(Group(*rows), refresh=True)

    def _width(self) -> int:
        try:
            return os.get_terminal_size(self._terminal.fileno()).columns or 80
        except OSError:
            return 80

    def finished(self, progress: Progress, job: Job, network: Network | None) -> None:
        """Say what went wrong with a network; all else is in the block."""
        if network and (line := result(network)).mood == "bad":
            self.say(Line(f"{job.name} {line.text}", line.mood))

    def failed(self, failure: Failure) -> None:
        """Say so above the block."""
        self.say(said_of(failure))

    def say(self, line: Line) -> None:
        """Print a line above the block."""
        self._console.print(Text(line.text, style=COLORS[line.mood]), soft_wrap=True)

    def close(self) -> None:
        """Take the block away; not to be called with the lock held."""
        self._diverted.end()
        self._live.stop()

    def _written(self, text: str) -> None:
        with self._lock:
            self.say(Line(text))


class Lines(Display):
    """In a pipe, a log or a simple terminal: a line for each job, and one now and then."""

    def __init__(self, jobs: bool = True, idle: bool = True, stream: TextIO | None = None) -> None:
        """Without `jobs` no line for a job, without `idle` none where nothing has ended."""
        super().__init__(stream)
        self._jobs, self._idle = jobs, idle
        self._last = time.monotonic()

    def tick(self, progress: Progress) -> None:
        """Say what goes on where nothing was said for some seconds."""
        if self._idle and time.monotonic() - self._last >= PATIENCE:
            self.say(Line(idle(progress, networks(progress), time.time())))

    def finished(self, progress: Progress, job: Job, network: Network | None) -> None:
        """Say what a job was and how long it took."""
        if self._jobs:
            said = f"{result(network).text} " if network else ""
            took = duration(time.time() - job.started)
            self.say(Line(f"{progress.done}/{progress.total} {job.name} {said}{took}"))

    def failed(self, failure: Failure) -> None:
        """Say so."""
        if self._jobs:
            self.say(said_of(failure))

    def say(self, line: Line) -> None:
        """Print a line."""
        self._last = time.monotonic()
        super().say(line)


def say_all(display: Display, lines: Iterable[Line]) -> None:
    """Show several lines that stay."""
    for line in lines:
        display.say(line)
