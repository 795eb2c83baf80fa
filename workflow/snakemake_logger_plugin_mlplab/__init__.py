"""`snakemake --logger mlplab`: shows a study as a block of a few rows, and how it ended.

The workflow says in records of its own (`announce`) which study it is, when it is read, how many
jobs of each rule there are, when they start, and that all are done. Until they start, in another
workflow, and with --verbose or --dry-run, what Snakemake says is printed; its log has it always.
"""

import logging
import os
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import yaml
from snakemake.logging import ColorizingTextHandler, DefaultFilter, DefaultFormatter
from snakemake_interface_logger_plugins.base import LogHandlerBase
from snakemake_interface_logger_plugins.common import LogEvent

from snakemake_logger_plugin_mlplab.ticker import Ticker

if TYPE_CHECKING:
    from snakemake_logger_plugin_mlplab.session import Session

# The attribute of the records by which the workflow speaks to this plugin.
ATTRIBUTE = "mlplab"
# Seconds for which Snakemake's words before the first job are held back: they are dropped if the
# study starts by then, and printed if not.
PATIENCE = 4.0
NOTHING = "Nothing to be done"
# Of what Snakemake says while jobs run: what the display says in its own words.
SHOWN = {
    LogEvent.RUN_INFO,
    LogEvent.WORKFLOW_STARTED,
    LogEvent.RESOURCES_INFO,
    LogEvent.JOB_INFO,
    LogEvent.JOB_STARTED,
    LogEvent.JOB_FINISHED,
    LogEvent.JOB_ERROR,
    LogEvent.GROUP_INFO,
    LogEvent.GROUP_ERROR,
    LogEvent.PROGRESS,
}
RESTARTED = "Trying to restart job"
SAID = (
    "RuleException:\nCalledProcessError",
    "WorkflowError:\nAt least one job did not complete successfully.",
    "Exiting because a job execution failed.",
)


def announce(logger: logging.Logger, **values: Any) -> None:
    """Tell the plugin something; no other handler prints it."""
    logger.info("", extra={ATTRIBUTE: values})


def refuse_unreadable(arguments: Sequence[str]) -> None:
    """Exit where a file after --configfile cannot be read, with its name and the line.

    Snakemake reads these files itself, before any file of the workflow, and names neither.
    """
    files: list[str] = []
    wanted = False
    for argument in arguments:
        if argument.startswith("-"):
            name, equals, value = argument.partition("=")
            wanted = name in ("--configfile", "--configfiles")
            files += [value] if wanted and equals else []
        elif wanted:
            files.append(argument)
    if all(map(_is_yaml, files)):
        return
    # The library of this checkout is found by its workflow, later: none may be loaded before that,
    # unless this is the end.
    from mlplab.config.sources import ConfigError, read

    try:
        read(files)
    except ConfigError as error:
        sys.exit(str(error))


def refuse_unwritable(folder: str = ".snakemake") -> None:
    """Exit where Snakemake's folder is there and cannot be written: it would end in a traceback."""
    if os.path.isdir(folder) and not os.access(folder, os.W_OK):
        sys.exit(
            f"{os.path.abspath(folder)} cannot be written: it is another user's, or on a disk that "
            "can only be read. Run the study as the user whose files these are, or in a copy of "
            "the folder."
        )


def _is_yaml(file: str) -> bool:
    try:
        yaml.safe_load(Path(file).read_text(encoding="utf-8"))
    except (OSError, ValueError, yaml.YAMLError, RecursionError):
        return False
    return True


class LogHandler(LogHandlerBase):  # type: ignore[misc]
    """Prints what Snakemake says; of a study shows how far it is instead."""

    writes_to_stream = True
    writes_to_file = False
    has_filter = True
    has_formatter = True
    needs_rulegraph = False

    def __post_init__(self) -> None:
        refuse_unreadable(sys.argv)
        settings = self.common_settings
        if not settings.dryrun:
            refuse_unwritable()
        quiet = settings.quiet or ()
        self._quiet = {each.name for each in quiet}
        self._as_ever = settings.dryrun or settings.verbose or settings.debug_dag
        self._native = ColorizingTextHandler(
            nocolor=settings.nocolor,
            stream=sys.stdout if settings.stdout else sys.stderr,
            formatter=DefaultFormatter(quiet, settings.show_failed_logs),
        )
        self._native.addFilter(
            DefaultFilter(
                quiet,
                settings.debug_dag,
                settings.verbose,
                settings.dryrun,
                settings.printshellcmds,
            )
        )
        self._study: str | None = None
        self._session: Session | None = None
        self._held: list[logging.LogRecord] = []
        self._nothing = self._closed = False
        self._begun = self._last = time.monotonic()
        self._ticker = None if settings.dryrun else Ticker(self._tick)

    def emit(self, record: logging.LogRecord) -> None:
        """Print or show a record."""
        try:
            self._take(record)
        except Exception:
            # Else no other record would be heard of.
            self.handleError(record)

    def _take(self, record: logging.LogRecord) -> None:
        announced = getattr(record, ATTRIBUTE, None)
        if announced is not None:
            self._study = announced["study"]
            if "jobs" in announced:
                self._begin(announced)
            elif announced.get("complete") and self._session:
                self._session.complete()
            return
        if self._session:
            self._session.follow(record)
        if self._as_ever:
            self._native.handle(record)
        elif self._session:
            self._say(record)
        elif record.levelno > logging.INFO:
            self._held.clear()
            self._print(record)
        else:
            self._nothing = record.getMessage().startswith(NOTHING)
            self._held = [record] if self._nothing else [*self._held, record]

    def _begin(self, announced: dict[str, Any]) -> None:
        """Show a study from now on."""
        from mlplab.terminal.display import Block, Display, Lines, can_draw
        from snakemake_logger_plugin_mlplab.session import Session

        self._held.clear()
        if self._as_ever or "ALL" in self._quiet:
            display = Display()
        elif "PROGRESS" in self._quiet or not can_draw(sys.stderr):
            display = Lines("RULES" not in self._quiet, idle="PROGRESS" not in self._quiet)
        else:
            display = Block(self.lock, self.common_settings.nocolor)
        self._session = Session(announced, display, finishes="PROGRESS" not in self._quiet)

    def _say(self, record: logging.LogRecord) -> None:
        """Show what the display does not say in its own words."""
        from mlplab.terminal.ending import Line

        event = getattr(record, "event", None)
        text = record.getMessage()
        chatter = event is None and record.levelno <= logging.INFO
        script = event == LogEvent.SHELLCMD and not record.__dict__["shellcmd"]
        unsaid = event in SHOWN or chatter or script or text.startswith(SAID)
        if unsaid and not text.startswith(RESTARTED):
            return
        if self._session and self._native.filter(record):
            text = self._native.format(record)
            bad = record.levelno >= logging.ERROR
            self._session.display.say(Line(text, "bad" if bad else "warning"))

    def _print(self, record: logging.LogRecord) -> None:
        self._last = time.monotonic()
        self._native.handle(record)

    def _break_silence(self) -> None:
        """Say what has been held back or, where nothing has, that this goes on."""
        if self._held:
            self._print_held()
        elif not self._quiet & {"ALL", "PROGRESS"}:
            print(f"… {time.monotonic() - self._begun:.0f} s", file=sys.stderr, flush=True)
        self._last = time.monotonic()

    def _print_held(self) -> None:
        held, self._held = self._held, []
        for record in held:
            if getattr(record, "event", None) not in SHOWN - {LogEvent.RUN_INFO}:
                self._print(record)

    def _tick(self) -> None:
        with self.lock:
            if self._session:
                self._session.tick()
            elif not self._as_ever and time.monotonic() - self._last >= PATIENCE:
                self._break_silence()

    def close(self) -> None:
        """Say how the study ended."""
        with self.lock:
            if self._closed:
                return
            self._closed = True
            if self._ticker:
                self._ticker.stop()
            if not self._session:
                self._print_held()
        if self._session:
            self._session.end(silent="ALL" in self._quiet)
        elif self._nothing and self._study and "ALL" not in self._quiet:
            self._say_how_it_is(Path(self._study))
        super().close()

    def _say_how_it_is(self, study: Path) -> None:
        """Of a study that was complete before."""
        from mlplab.terminal.display import Lines, say_all
        from mlplab.terminal.ending import outcome, reading

        say_all(Lines(), [*outcome(study), *reading(study)])
