"""A fault that a study gets over, and what of its results must not depend on it."""

import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mlplab.files import read_json
from mlplab.study.record import RunFiles, read_rows

# Those of a history that are another each time.
TIMES = ("seconds", "cpu_seconds", "samples_per_second", "timestamp")


@dataclass
class Fault:
    """A fault, and how the study got over it."""

    name: str
    happened: str = ""
    seconds: float = 0.0
    lost: int = 0
    doubled: int = 0

    @contextmanager
    def timed(self) -> Iterator[None]:
        """Take the time of the whole study."""
        start = time.monotonic()
        yield
        self.seconds = time.monotonic() - start

    def count(self, held: Mapping[str, int]) -> None:
        """Take over what `benchmarks.writers.count` found in MLflow's database."""
        self.lost = held["runs_lost"] + held["points_lost"]
        self.doubled = held["runs_doubled"] + held["points_doubled"]

    def line(self) -> str:
        """A row of the table."""
        return (
            f"| {self.name} | {self.happened} | {self.seconds:.0f} | {self.lost} | {self.doubled} |"
        )


def results(folder: Path) -> dict[str, Any]:
    """Of each run in a study's folder all that must not depend on how often it was interrupted."""
    found = {}
    for file in sorted(folder.glob("runs/**/run.json")):
        files = RunFiles.at(file.parent)
        rows = read_rows(files.history)
        found[file.parent.relative_to(folder).as_posix()] = {
            "history": [{k: v for k, v in row.items() if k not in TIMES} for row in rows],
            "diagnostics": read_rows(files.diagnostics),
            "parameters": files.parameters.read_bytes(),
            "predictions": files.predictions.read_bytes(),
            "evaluation": read_json(files.evaluation),
        }
    return found
