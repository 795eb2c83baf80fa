"""What the files of a job say when it has ended."""

import re
from collections.abc import Sequence
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
UNSAID = "it ended without saying why, as where it is killed or memory runs out"
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


def failure(name: str, logs: Sequence[str], told: str | None = None) -> Failure:
    """Why a job has failed: as its own log says it, the first, or Snakemake, or what lies around.

    `told` is what Snakemake was told of the job, as by a cluster; further logs are the cluster's.
    """
    own, *others = [*map(_end, logs)] or [""]
    log = logs[0] if logs else ""
    places = PLACE.findall(own) if "Traceback" in own else []
    last = own.rpartition("\n")[2]
    if not places and (several := own.rpartition(f"\n{ERROR}"))[1]:
        # A message of several lines ends the log.
        last = f"{ERROR}{several[2]}"
    elif not places and own.startswith(ERROR):
        last = own
    if not places and not last.startswith(ERROR):
        # Killed, cancelled, or out of memory or time: of errors the first is the cause.
        errors = [line for text in others for line in text.splitlines() if ERROR in line]
        return Failure(name, told or (errors or [UNSAID])[0], "", log)
    mine = [place for place in places if PACKAGES not in place[0]] or places
    place = ":".join(mine[-1]) if mine else ""
    if last.startswith(("ImportError", "ModuleNotFoundError")):
        last += f" ({REPAIR})"
    return Failure(name, last.removeprefix(ERROR), place, log)


def _end(log: str) -> str:
    """The end of a log; "" where there is none."""
    try:
        with open(log, "rb") as file:
            file.seek(max(file.seek(0, 2) - TAIL, 0))
            return file.read().decode(errors="replace").strip()
    except OSError:
        return ""
