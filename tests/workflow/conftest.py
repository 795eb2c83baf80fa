"""Studies run by the real command line, in copies of the project."""

import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

ROOT = Path(__file__).parents[2]
PARTS = (
    *("Snakefile", "workflow", "config", "profiles", "environment.yml"),
    *("CITATION.cff", "LICENSE", "requirements.lock"),
)
SMALL: dict[str, Any] = {
    "study": "small",
    "dataset": "digits",
    "grid": {"activation": ["relu"], "seed": [0, 1]},
    "network": {"hidden_sizes": [16]},
    "training": {"epochs": 3, "batch_size": 32},
}


class Project:
    """A copy of the project in which `snakemake` can be run."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def write_config(self, **changes: object) -> None:
        (self.folder / "small.yaml").write_text(yaml.safe_dump({**SMALL, **changes}))

    def command(self, *arguments: str) -> list[str]:
        return [sys.executable, "-m", "snakemake", "--configfile", "small.yaml", *arguments]

    def environment(self) -> dict[str, str]:
        # The folder of the interpreter comes first, so that jobs run with the same one.
        path = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])
        unwanted = ("MLFLOW_TRACKING_URI", "MLPLAB_MIRRORS")
        kept = {key: value for key, value in os.environ.items() if key not in unwanted}
        return {**kept, "PATH": path}

    def run(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        with self.start(*arguments) as process:
            try:
                output, _ = process.communicate(timeout=600)
            except subprocess.TimeoutExpired:
                kill(process)
                raise
        return subprocess.CompletedProcess(process.args, process.returncode, output)

    def start(self, *arguments: str) -> subprocess.Popen[str]:
        """Start snakemake in a process group of its own."""
        return subprocess.Popen(
            self.command(*arguments),
            cwd=self.folder,
            env=self.environment(),
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
        )

    def mlplab(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """What the command `mlplab` of this copy says."""
        library = [str(self.folder / part) for part in ("workflow", "workflow/runtime")]
        return subprocess.run(
            [sys.executable, "-m", "mlplab.cli", *arguments],
            cwd=self.folder,
            env={**self.environment(), "PYTHONPATH": os.pathsep.join(library)},
            capture_output=True,
            text=True,
            check=False,
            timeout=600,
        )

    def to_train(self) -> list[str]:
        """The runs that a dry run would train."""
        answer = self.run("--dry-run")
        assert answer.returncode == 0, answer.stdout
        lines = answer.stdout.splitlines()
        return sorted({line.split("Training ")[1] for line in lines if "Training " in line})

    def copy(self, folder: Path) -> "Project":
        shutil.copytree(self.folder, folder, symlinks=True)
        return Project(folder)


def kill(process: subprocess.Popen[str]) -> None:
    """Kill a process and all of its group without warning."""
    os.killpg(process.pid, signal.SIGKILL)
    process.communicate()


def fresh(folder: Path) -> Project:
    folder.mkdir()
    for part in PARTS:
        source = ROOT / part
        if source.is_dir():
            ignored = shutil.ignore_patterns("__pycache__")
            shutil.copytree(source, folder / part, ignore=ignored)
        else:
            shutil.copy2(source, folder / part)
    project = Project(folder)
    project.write_config()
    return project


@pytest.fixture
def project(tmp_path: Path) -> Project:
    """A project in which nothing has run yet."""
    return fresh(tmp_path / "project")


@pytest.fixture(scope="session")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Project]:
    """A project whose small study is finished; tests that change it take a copy."""
    project = fresh(tmp_path_factory.mktemp("finished") / "project")
    answer = project.run("--cores", "2")
    assert answer.returncode == 0, answer.stdout
    (project.folder / "output.txt").write_text(answer.stdout)
    yield project


@pytest.fixture(scope="session")
def crate(finished: Project, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The unpacked crate of the small study."""
    folder = tmp_path_factory.mktemp("crate") / "crate"
    answer = finished.mlplab("crate", "small", str(folder), "--ran-by", "Ada Lovelace")
    assert answer.returncode == 0, answer.stderr
    return folder
