"""`mlplab watch`: the block of a study that runs elsewhere, from what it leaves in its folder."""

import argparse
import os
import platform
import sys
import threading
import time
from collections.abc import Sequence
from pathlib import Path

from mlplab.errors import UserError
from mlplab.terminal.block import idle, networks
from mlplab.terminal.display import Block, Display, can_draw, say_all
from mlplab.terminal.ending import AGAIN, Line, ending
from mlplab.terminal.progress import FILE, Progress
from mlplab.terminal.words import duration

RESULTS = Path("results")
SECONDS_BETWEEN_LOOKS = 1.0
# Elsewhere than on a terminal a line is printed as often.
SECONDS_BETWEEN_LINES = 5.0
# A study that has kept nothing for as long is at work no more: it does so every five seconds. That
# its process is gone is believed sooner.
DEAD_AFTER, DEAD_WITHOUT_PROCESS_AFTER = 30.0, 8.0


def folder_of(study: str | None) -> Path:
    """The folder of a study by its name or path, or of the one that was last at work.

    Raises UserError where there is none that has kept how far it is.
    """
    if study is None:
        found = sorted(RESULTS.glob(f"*/{FILE}"), key=lambda file: file.stat().st_mtime)
        if found:
            return found[-1].parent
        raise UserError(f"no study in {RESULTS}/ has been run: expected {RESULTS}/STUDY/{FILE}")
    folders = [RESULTS / study, Path(study)]
    known = [folder for folder in folders if (folder / FILE).is_file()]
    if known:
        return known[0]
    names = ", ".join(sorted(file.parent.name for file in RESULTS.glob(f"*/{FILE}"))) or "none"
    raise UserError(
        f"{study}: there is no {folders[0] / FILE}, which a study keeps while it runs; "
        f"those that have one: {names}"
    )


def is_dead(progress: Progress, now: float) -> bool:
    """Whether a study that has not said how it ended is at work no more."""
    gone = progress.host == platform.node() and not _is_alive(progress.process)
    return now - progress.updated > (DEAD_WITHOUT_PROCESS_AFTER if gone else DEAD_AFTER)


def _is_alive(process: int) -> bool:
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        pass
    return True


def load(folder: Path) -> Progress:
    """How far a study is, with paths as seen from here; UserError where it cannot be read."""
    try:
        progress = Progress.load(folder)
    except (OSError, ValueError) as error:
        raise UserError(f"{folder / FILE} cannot be read: {error}; run the study again") from None
    for job in progress.running.values():
        if job.network:
            job.network = str(folder / Path(job.network).relative_to(progress.study))
    progress.study = str(folder)
    return progress


def watch(folder: Path, display: Display) -> int:
    """Show a study until it has ended or is found dead; the exit status: 0 where it ended well."""
    try:
        progress = _follow(folder, display)
    finally:
        display.close()
    if progress.status == "running":
        display.say(_dead(progress))
        return 1
    say_all(display, ending(progress, progress.updated - progress.started))
    return 0 if progress.status == "finished" else 1


def _follow(folder: Path, display: Display) -> Progress:
    """Show a study as long as it is at work; returns how far it came."""
    said = -SECONDS_BETWEEN_LINES
    while True:
        progress, now = load(folder), time.time()
        if progress.status != "running" or is_dead(progress, now):
            return progress
        display.tick(progress)
        if not isinstance(display, Block) and time.monotonic() - said >= SECONDS_BETWEEN_LINES:
            said = time.monotonic()
            display.say(Line(idle(progress, networks(progress), now)))
        time.sleep(SECONDS_BETWEEN_LOOKS)


def _dead(progress: Progress) -> Line:
    at = time.strftime("%H:%M:%S", time.localtime(progress.updated))
    ago = duration(time.time() - progress.updated, roughly=True)
    return Line(
        f"Nothing has moved since {at}, {ago} ago, with {progress.done} of {progress.total} jobs "
        f"done: snakemake, process {progress.process} on {progress.host}, is gone; {AGAIN}",
        "bad",
    )


def main(arguments: Sequence[str]) -> int:
    """Run the command; returns its exit status."""
    parser = argparse.ArgumentParser(
        prog="mlplab watch", description="Shows how far a study is that runs elsewhere."
    )
    parser.add_argument(
        "study", nargs="?", help="its name or folder; without it, the one last at work in results/"
    )
    chosen = parser.parse_args(arguments)
    try:
        folder = folder_of(chosen.study)
        progress = load(folder)
        ended = progress.status != "running" or is_dead(progress, time.time())
        drawn = not ended and can_draw(sys.stderr)
        return watch(folder, Block(threading.RLock()) if drawn else Display())
    except UserError as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 130
