"""What tests on real daemons share: the daemons, and a table of what became of each fault."""

import tempfile
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from services import slurm
from services.faults import Fault
from services.on_slurm import LONG
from services.postgresql import PostgreSQL, Server
from workflow.conftest import Project, fresh, project

__all__ = ["project"]

FAULTS = pytest.StashKey[list[str]]()


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


@pytest.fixture(scope="session")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[slurm.Slurm]:
    """Two nodes for all tests; none of their processes outlives them."""
    folder = tmp_path_factory.mktemp("slurm")
    with slurm.running(folder / "s") as running:
        yield running
    assert not slurm.processes(folder)


@pytest.fixture(scope="session")
def undisturbed(tmp_path_factory: pytest.TempPathFactory) -> Project:
    """The same study, run locally to its end."""
    project = fresh(tmp_path_factory.mktemp("undisturbed") / "project")
    project.write_config(**LONG)
    answer = project.run("--cores", "2")
    assert answer.returncode == 0, answer.stdout
    return project


@pytest.fixture(scope="module")
def database() -> Iterator[PostgreSQL]:
    """A PostgreSQL of a module's tests."""
    # Folders of pytest's own are closed to the user that PostgreSQL runs as.
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="postgresql-")))
        folder.chmod(0o755)
        cluster = PostgreSQL(folder / "cluster")
        stack.callback(cluster.close)
        yield cluster


@pytest.fixture(scope="module")
def server(database: PostgreSQL, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """MLflow's server on it."""
    running = Server(tmp_path_factory.mktemp("mlflow") / "server", database.uri)
    yield running
    running.close()
