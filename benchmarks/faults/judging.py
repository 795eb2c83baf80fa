"""What became of a study after a fault: what is lost, doubled, changed, left over, said.

It is held against a study that nothing happened to.
"""

import re
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pandas as pd

from benchmarks.faults.project import NAME, Project
from benchmarks.writers import count
from mlplab.crate.finished import finished_study
from mlplab.errors import UserError
from mlplab.files import read_json
from mlplab.study.record import PACE, RunFiles, read_rows

# Those columns of a history that are others each time.
OF_PACE = PACE - {"epoch"}
# Tables that say how fast it was, and the columns of others that do, or name a run in MLflow.
OF_TIME = ("speed", "findings")
OTHERS_EACH_TIME = re.compile("second|mlflow_run_id")
# Files that a study has only while it runs.
PASSING = ("*.part*", "checkpoint.safetensors", "epochs.jsonl")
# How long processes may take to be gone after the one that was called.
PARTING = 5.0


@dataclass
class Outcome:
    """How a study got over a fault; `wrong` says what was not as it should be, in words."""

    survived: str = ""
    seconds: float = 0.0
    lost: int = 0
    doubled: int = 0
    changed: list[str] = field(default_factory=list)
    leftovers: list[str] = field(default_factory=list)
    said: str = ""
    wrong: list[str] = field(default_factory=list)

    @property
    def good(self) -> bool:
        """Whether it got over the fault as it should."""
        amiss = self.lost or self.doubled or self.changed or self.leftovers or self.wrong
        return bool(self.survived) and not amiss


def records(folder: Path) -> dict[str, Any]:
    """Of each run in a study's folder all that must not depend on how often it was interrupted."""
    found = {}
    for file in sorted(folder.glob("runs/**/run.json")):
        files = RunFiles.at(file.parent)
        rows = read_rows(files.history)
        found[file.parent.relative_to(folder).as_posix()] = {
            "history": [{k: v for k, v in row.items() if k not in OF_PACE} for row in rows],
            "diagnostics": read_rows(files.diagnostics),
            "parameters": files.parameters.read_bytes(),
            "predictions": files.predictions.read_bytes(),
            "evaluation": read_json(files.evaluation),
        }
    return found


def results(folder: Path) -> dict[str, Any]:
    """Of a study all that must be the same again, by where it stands."""
    found = {
        f"{run} {kind}": value
        for run, parts in records(folder).items()
        for kind, value in parts.items()
    }
    for file in sorted(folder.glob("tables/*.parquet")):
        if file.stem not in OF_TIME:
            table = pd.read_parquet(file)
            kept = [name for name in table.columns if not OTHERS_EACH_TIME.search(name)]
            # As text, in which floats have all their digits, and a NaN is like a NaN.
            found[f"tables/{file.name}"] = table[kept].to_csv()
    return found


def judge(project: Project, undisturbed: Project, outcome: Outcome) -> None:
    """Write into `outcome` what is lost, doubled, changed and left over."""
    try:
        # Its files are as they were published, its records as they were written.
        finished_study(project.folder, NAME)
    except UserError as error:
        outcome.wrong.append(str(error))
        return
    database = f"sqlite:///{project.folder / project.database}"
    held = count(database, read_json(project.study / "study.json"), project.records())
    outcome.lost = held["runs_lost"] + held["points_lost"]
    outcome.doubled = held["runs_doubled"] + held["points_doubled"]
    expected, found = results(undisturbed.study), results(project.study)
    outcome.changed = [name for name in expected | found if expected.get(name) != found.get(name)]
    outcome.leftovers = sorted({*left(project)} - {*left(undisturbed)})


def left(project: Project) -> Iterator[str]:
    """What a study leaves that nobody needs any more, as text."""
    results = project.folder / "results"
    own = project.folder / ".snakemake"
    places = [*(path for ending in PASSING for path in results.rglob(ending))]
    for folder in ("incomplete", "locks", "scripts"):
        places += (own / folder).glob("*")
    places += project.temporary.glob("*")
    yield from (path.relative_to(project.place).as_posix() for path in places)
    yield from processes(project.place)


def processes(place: Path) -> list[str]:
    """The processes that were started for the project in `place`: number and command."""
    mark = f"TMPDIR={place}/".encode()
    deadline = time.monotonic() + PARTING
    while True:
        found = []
        for folder in Path("/proc").glob("[0-9]*"):
            try:
                if mark in (folder / "environ").read_bytes():
                    command = (folder / "cmdline").read_bytes().replace(b"\0", b" ").decode()
                    found.append(f"process {folder.name}: {command[:80]}")
            except OSError:
                continue
        if not found or time.monotonic() > deadline:
            return found
        time.sleep(0.1)


def words(output: str, expected: str) -> list[str]:
    """What is wrong with what was said: a traceback, or not what was expected (a pattern)."""
    wrong = []
    if "Traceback" in output:
        wrong.append("a traceback is shown")
    if expected and not re.search(expected, output):
        wrong.append(f"not said: {expected}")
    return wrong
