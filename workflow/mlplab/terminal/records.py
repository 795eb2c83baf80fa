"""What the files of a job say when it has ended."""

import re
from pathlib import Path

from mlplab.errors import UserError
from mlplab.study.documents import read_run
from mlplab.study.record import RunFiles, read_rows
from mlplab.terminal.progress import Failure, Network

# Of a log no more than its end is read.
TAIL = 20_000
PLACE = re.compile(r'^\s+File "(.+)", line (\d+)', re.MULTILINE)
PACKAGES = "/site-packages/"
# How a job's log ends where the error is a user's to mend.
ERROR = "error: "
REPAIR = "the environment is broken: make it anew, rm -rf .venv && make setup"


def network(folder: Path) -> Network | None:
    """The network whose record is complete in `folder`; None where it is not."""
    files = RunFiles.at(folder)
    try:
        run = read_run(files.run)
        rows = read_rows(files.history)
    except (OSError, ValueError, UserError):
        return None
    last = rows[-1] if rows else {}
    return Network(
        run.run,
        run.status,
        last.get("training_loss"),
        run.scored_on,
        last.get(f"{run.scored_on}_accuracy"),
        run.error,
    )


def failure(name: str, log: str | None) -> Failure:
    """Why a job has failed, as far as its log says it."""
    try:
        with open(log or "", "rb") as file:
            file.seek(max(file.seek(0, 2) - TAIL, 0))
            text = file.read().decode(errors="replace").strip()
    except OSError:
        text = ""
    places = PLACE.findall(text) if "Traceback" in text else []
    last = text.rpartition("\n")[2]
    if not places and not last.startswith(ERROR):
        # Killed, cancelled, or out of memory or time.
        return Failure(name, "it ended without saying why", "", log or "")
    own = [place for place in places if PACKAGES not in place[0]] or places
    place = f"{own[-1][0]}:{own[-1][1]}" if own else ""
    if last.startswith(("ImportError", "ModuleNotFoundError")):
        last += f" ({REPAIR})"
    return Failure(name, last.removeprefix(ERROR), place, log or "")
