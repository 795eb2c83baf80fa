"""What these tests share: daemons, a browser, and a table of what became of each fault."""

import shutil
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from mlplab import datasets
from mlplab.datasets.decode import decode
from mlplab.datasets.download import download
from services import slurm
from services.faults import Fault
from services.on_slurm import LONG
from services.postgresql import PostgreSQL, Server
from workflow.conftest import Project, fresh, project

if TYPE_CHECKING:
    from playwright.sync_api import Browser

__all__ = ["project"]

MIRROR = Path(__file__).parents[2].parent / "shared" / "data" / "fashion-mnist"
FAULTS = pytest.StashKey[list[str]]()


# No request of its own, and as root.
CHROMIUM = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
]


@pytest.fixture(scope="module")
def browser() -> "Iterator[Browser]":
    """Debian's Chromium, driven by playwright."""
    api = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
    chromium = shutil.which("chromium")
    if chromium is None:
        pytest.skip("chromium is not installed (apt-get install chromium)")
    with api.sync_playwright() as playwright:
        running = playwright.chromium.launch(executable_path=chromium, args=CHROMIUM)
        yield running
        running.close()


@pytest.fixture(scope="session")
def fashion_mnist(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The data set itself, decoded from a mirror that may lie beside the project."""
    if not MIRROR.is_dir():
        pytest.skip(f"no mirror of Fashion-MNIST at {MIRROR}")
    folder = tmp_path_factory.mktemp("fashion_mnist")
    info = datasets.info("fashion_mnist")
    paths = {part: folder / file.name for part, file in info.files.items()}
    sources = {part: folder / f"{file.name}.json" for part, file in info.files.items()}
    for part, file in info.files.items():
        download(info, file, [MIRROR.as_uri()], paths[part], sources[part])
    decode(info, paths, sources, folder / "data.safetensors", folder / "manifest.json")
    return folder / "data.safetensors"


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
