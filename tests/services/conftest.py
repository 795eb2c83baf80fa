"""What tests on real daemons share: the daemons, and a table of what became of each fault."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from mlplab.files import read_json
from mlplab.record import RunFiles, read_rows
from services import slurm
from workflow.conftest import project

__all__ = ["project"]

# Those of a history that are another each time.
TIMES = ("seconds", "samples_per_second", "timestamp")
FAULTS = pytest.StashKey[list[str]]()


@dataclass
class Fault:
    """A fault, and how the study got over it."""

    name: str
    happened: str = ""
    seconds: float = 0.0
    lost: int = 0
    doubled: int = 0
    resumed: list[str] = field(default_factory=list)

    @contextmanager
    def timed(self) -> Iterator[None]:
        """Take the time of the whole study."""
        start = time.monotonic()
        yield
        self.seconds = time.monotonic() - start

    def line(self) -> str:
        """A row of the table."""
        return (
            f"| {self.name} | {self.happened} | {self.seconds:.0f} | {self.lost} | {self.doubled} |"
        )


@pytest.fixture
def fault(request: pytest.FixtureRequest) -> Iterator[Fault]:
    """The fault of a test, named by its first line; its row is printed at the end of all tests."""
    made = Fault(request.function.__doc__.strip())
    yield made
    request.config.stash.setdefault(FAULTS, []).append(made.line())


def pytest_terminal_summary(terminalreporter: Any, config: pytest.Config) -> None:
    """Print the table of faults."""
    lines = config.stash.get(FAULTS, [])
    if lines:
        terminalreporter.section("faults")
        terminalreporter.line("| fault | what happened | seconds | rows lost | runs doubled |")
        terminalreporter.line("| ----- | ------------- | ------: | --------: | -----------: |")
        for line in lines:
            terminalreporter.line(line)


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


@pytest.fixture(scope="session")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[slurm.Slurm]:
    """Two nodes for all tests; none of their processes outlives them."""
    folder = tmp_path_factory.mktemp("slurm")
    with slurm.running(folder / "s") as running:
        yield running
    assert not slurm.processes(folder)
