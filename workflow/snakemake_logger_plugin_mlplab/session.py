"""A study under way: its progress is kept on disk and shown."""

import logging
import threading
import time
from collections.abc import Mapping
from typing import Any

from mlplab.terminal.display import Display, say_all
from mlplab.terminal.ending import Line, ending
from mlplab.terminal.progress import Failure, Progress
from snakemake_logger_plugin_mlplab.events import Follower
from snakemake_logger_plugin_mlplab.ticker import Ticker

# More networks than these are looked at less often: each look opens a file of each.
FEW, SECONDS_BETWEEN_LOOKS = 8, 2.0
# progress.json is written this often while something happens, and as often where nothing does.
SECONDS_BETWEEN_CHANGES, HEARTBEAT = 1.0, 5.0


class Session:
    """Follows the events of a study until it ends. One thread at a time may be in it."""

    def __init__(
        self, announced: Mapping[str, Any], display: Display, finishes: bool = True
    ) -> None:
        """`announced` has the study's folder and how many jobs of each rule there are.

        `finishes` says whether there is an event when a job ends well.
        """
        jobs: dict[str, int] = announced["jobs"]
        progress = Progress(announced["study"], total=sum(jobs.values()), left=dict(jobs))
        self.display = display
        self._follower = Follower(progress, finishes)
        self._told: set[str] = set()
        self._changed = True
        self._saved = self._looked = 0.0

    @property
    def progress(self) -> Progress:
        """How far the study is."""
        return self._follower.progress

    def complete(self) -> None:
        """Take note that all jobs have ended well."""
        self.progress.done = self.progress.total

    def follow(self, record: logging.LogRecord) -> None:
        """Take note of an event, and show what came of it."""
        for change in self._follower.follow(record):
            if not isinstance(change, Failure):
                self.display.finished(self.progress, *change)
            elif change.said not in self._told:
                # Where an environment is broken, each of its jobs fails in the same way.
                self._told.add(change.said)
                self.display.failed(change)
        self._changed = True

    def tick(self) -> None:
        """Show and keep how far it is by now."""
        now = time.time()
        wait = SECONDS_BETWEEN_LOOKS if len(self.progress.running) > FEW else 0
        if now - self._looked >= wait:
            self._looked = now
            self.display.tick(self.progress)
        if now - self._saved >= (SECONDS_BETWEEN_CHANGES if self._changed else HEARTBEAT):
            self._save(now)

    def _save(self, now: float) -> None:
        self._saved, self._changed = now, False
        try:
            self.progress.save(now)
        except OSError as error:
            if self.progress.status == "running":
                return
            # What is lost is that others see how it ended.
            self.display.say(Line(f"progress.json: {error.strerror}", "warning"))

    def end(self, silent: bool = False) -> None:
        """Keep and, unless it is to be silent, say how it ended."""
        now = time.time()
        self.progress.end()
        self._save(now)
        self.display.close()
        if not silent:
            say_all(self.display, ending(self.progress, now - self.progress.started))


class Recorder(logging.Handler):
    """Keeps the progress of a study that Snakemake shows itself, and says how it ended."""

    def __init__(self, **announced: Any) -> None:
        super().__init__()
        self._guard = threading.RLock()
        self._session = Session(announced, Display())
        self._ended = False
        self._ticker = Ticker(self._tick)

    def emit(self, record: logging.LogRecord) -> None:
        """Take note of an event."""
        with self._guard:
            self._session.follow(record)

    def _tick(self) -> None:
        with self._guard:
            self._session.tick()

    def close(self) -> None:
        """Say how the study ended."""
        self._ticker.stop()
        with self._guard:
            if not self._ended:
                self._ended = True
                self._session.end()
        super().close()
