"""The small study that faults are made in: run once to its end, then copied for each fault."""

import gzip
import hashlib
import os
import shutil
import struct
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType

import yaml

from benchmarks.study import copy_project
from mlplab.study.record import RunFiles

NAME = "small"
RUNS = [f"{name}/relu/seed=0" for name in ("scratch", "concise")]
# Long enough for a run to be met while it trains.
CONFIG = {
    "study": NAME,
    "dataset": "digits_as_files",
    "datasets": ["data sets"],
    "grid": {"implementation": ["scratch", "concise"], "activation": ["relu"], "seed": [0]},
    "network": {"hidden_sizes": [16]},
    "training": {"epochs": 30, "batch_size": 16},
}
DATABASE = Path("results/mlflow/mlflow.db")
# What a command must not inherit from whoever starts the faults.
UNWANTED = ("PYTHONPATH", "MLFLOW_TRACKING_URI", "MLPLAB_MIRRORS", "MLPLAB_WARM", "MLPLAB_COMMAND")
SECONDS = 240


class Project:
    """A copy of the project in a folder of its own, with its mirror and temporary files beside."""

    def __init__(self, place: Path) -> None:
        self.place = place
        self.folder = place / "project"
        self.mirror = place / "mirror"
        self.temporary = place / "tmp"
        # Relative to its folder, or not.
        self.database = DATABASE
        self.variables: dict[str, str] = {}

    @property
    def study(self) -> Path:
        """The folder of the study's results."""
        return self.folder / "results" / NAME

    def records(self) -> dict[str, RunFiles]:
        """The files of every run."""
        return {run: RunFiles.at(self.study / "runs" / run) for run in RUNS}

    def create(self) -> None:
        """Copy the project, and put the digits as files, as of Fashion-MNIST, on a mirror."""
        self.folder.mkdir(parents=True)
        self.temporary.mkdir()
        copy_project(self.folder)
        self.configure()
        entry = yaml.safe_load((self.folder / "workflow/mlplab/datasets/digits.yaml").read_text())
        entry |= {"reader": "idx", "files": put_digits(self.mirror), "mirrors": [str(self.mirror)]}
        described = self.folder / "data sets/digits_as_files.yaml"
        described.parent.mkdir()
        described.write_text(yaml.safe_dump(entry), encoding="utf-8")

    def configure(self, **changes: object) -> None:
        """Write the configuration, with changes."""
        text = yaml.safe_dump({**CONFIG, **changes})
        (self.folder / "small.yaml").write_text(text, encoding="utf-8")

    def copy(self, place: Path) -> "Project":
        """The same elsewhere."""
        shutil.copytree(self.place, place, symlinks=True)
        return Project(place)

    def environment(self) -> dict[str, str]:
        """As a user's shell has it, but with temporary files where they are seen."""
        kept = {name: value for name, value in os.environ.items() if name not in UNWANTED}
        path = os.pathsep.join([str(Path(sys.executable).parent), kept["PATH"]])
        own = {"PATH": path, "TMPDIR": str(self.temporary), "MLPLAB_MIRRORS": f"'{self.mirror}'"}
        own["PYTHONPATH"] = str(self.folder / "workflow")
        return {**kept, **own, **self.variables}

    def start(
        self,
        *arguments: str,
        variables: Mapping[str, str] = MappingProxyType({}),
        before: tuple[str, ...] = (),
    ) -> subprocess.Popen[str]:
        """Start the study's command, in a session of its own, `before` it what runs it."""
        snakemake = [sys.executable, "-m", "snakemake", "--configfile", "small.yaml"]
        return subprocess.Popen(
            [*before, *snakemake, *(arguments or ("--cores", "2"))],
            cwd=self.folder,
            env={**self.environment(), **variables},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            errors="replace",
            start_new_session=True,
        )

    def run(self, *arguments: str, **how: object) -> subprocess.CompletedProcess[str]:
        """Run the study's command to its end."""
        with self.start(*arguments, **how) as process:  # type: ignore[arg-type]
            return ended(process)


def ended(process: subprocess.Popen[str]) -> subprocess.CompletedProcess[str]:
    """What a command that was started has said; one that hangs is killed and counts as failed."""
    try:
        output, _ = process.communicate(timeout=SECONDS)
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, 9)
        output, _ = process.communicate()
        output += f"\nstill running after {SECONDS} s"
    return subprocess.CompletedProcess(process.args, process.returncode, output)


def put_digits(mirror: Path) -> dict[str, dict[str, str]]:
    """Write scikit-learn's digits to a folder as files of the MNIST family; returns their names."""
    from mlplab import datasets
    from mlplab.datasets.decode import read_sklearn_digits

    mirror.mkdir()
    found = {}
    for part, tensor in read_sklearn_digits(datasets.info("digits"), {}).items():
        head = bytes([0, 0, 8, tensor.dim()]) + struct.pack(f">{tensor.dim()}I", *tensor.shape)
        content = gzip.compress(head + tensor.byte().numpy().tobytes(), mtime=0)
        (mirror / f"{part}.gz").write_bytes(content)
        found[part] = {"name": f"{part}.gz", "md5": hashlib.md5(content).hexdigest()}
    return found


def made(place: Path) -> Project:
    """A project whose study is finished, made in `place`."""
    project = Project(place)
    project.create()
    answer = project.run()
    if answer.returncode:
        raise RuntimeError(f"the undisturbed study failed:\n{answer.stdout}")
    return project
