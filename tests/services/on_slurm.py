"""Projects whose jobs run on a cluster, and what must be true of them whatever was killed."""

import contextlib
import os
import subprocess
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from mlplab.files import read_json
from services.faults import Fault, results
from services.loopback import wait_for
from services.slurm import QUICK, Slurm
from workflow.conftest import Project, kill
from workflow.test_study import tracked

# Two runs of some seconds, so that one of them can be hit in its middle.
LONG: dict[str, Any] = {
    "grid": {"implementation": ["manual"], "activation": ["relu"], "seed": [0, 1]},
    "reference": "manual",
    "training": {"epochs": 60, "batch_size": 4},
    "cluster": {"allow_sqlite": True},
}
RUNS = ["manual/relu/seed=0", "manual/relu/seed=1"]
VICTIM = RUNS[0]
# What such a study takes at most, beside other work.
SECONDS = 300


class OnSlurm(Project):
    """A project whose snakemake submits its jobs to a cluster, with further settings."""

    def __init__(
        self, project: Project, cluster: Slurm, settings: Sequence[str] = QUICK, **variables: str
    ) -> None:
        super().__init__(project.folder)
        self.cluster = cluster
        self._settings = ("--profile=profiles/slurm", *settings)
        self._variables = variables

    def command(self, *arguments: str) -> list[str]:
        return super().command(*self._settings, *arguments)

    def environment(self) -> dict[str, str]:
        own, clusters = super().environment(), self.cluster.environment
        # The wrapper of srun comes before srun.
        path = os.pathsep.join([str(self.cluster.folder / "bin"), own["PATH"], clusters["PATH"]])
        return {**own, **clusters, **self._variables, "PATH": path}

    @property
    def study(self) -> Path:
        return self.folder / "results/small"

    def log(self) -> str:
        """All that the last snakemake had to say."""
        logs = (self.folder / ".snakemake/log").glob("*.log")
        return max(logs, key=lambda file: file.stat().st_mtime).read_text()

    def trains(self, path: str, epoch: int) -> bool:
        log = self.study / f"logs/train/{path}.log"
        return log.exists() and f"epoch {epoch:3d}:" in log.read_text()

    def process_of(self, path: str) -> int | None:
        """The process that trains a run: the one that has its log open."""
        log = self.study / f"logs/train/{path}.log"
        for descriptor in Path("/proc").glob("[0-9]*/fd/*"):
            with contextlib.suppress(OSError):
                if descriptor.readlink() == log:
                    return int(descriptor.parts[2])
        return None

    def slurm_of(self, path: str) -> dict[str, str]:
        """What Slurm told the process that trains a run: SLURM_JOB_ID, SLURMD_NODENAME …"""
        pid = self.process_of(path)
        assert pid, f"nothing trains {path}"
        text = Path(f"/proc/{pid}/environ").read_text()
        return dict(line.split("=", 1) for line in text.split("\0") if line.startswith("SLURM"))


def check(
    project: OnSlurm, undisturbed: Project, fault: Fault, output: str, resumes: bool = True
) -> None:
    """Nothing lost, nothing doubled, everything as if nothing had happened."""
    table = pd.read_parquet(project.study / "tables/runs.parquet")
    names = [name for name, _ in tracked(project)]
    fault.lost = len(set(RUNS) - set(table["run"]))
    fault.doubled = len(names) - len(set(names)) + len(table) - len(set(table["run"]))
    assert (fault.lost, fault.doubled) == (0, 0)
    assert tracked(project) == [(path, "FINISHED") for path in RUNS]
    assert results(project.study) == results(undisturbed.folder / "results/small")
    resumed = read_json(project.study / f"runs/{VICTIM}/run.json")["resumed_after"]
    if resumes:
        assert resumed, output
        fault.happened += f"; went on after epoch {listed(resumed)} of 60"
    assert not list(project.study.rglob("checkpoint.safetensors"))


def kill_node(project: OnSlurm) -> None:
    """Let the victim's node die, and start it again after 20 s."""
    node = project.slurm_of(VICTIM)["SLURMD_NODENAME"]
    project.cluster.kill_node(node)
    wait_for(lambda: not project.process_of(VICTIM), 10, "the end of the node's jobs")
    time.sleep(20)
    project.cluster.start_node(node)


def listed(numbers: list[int]) -> str:
    return ", ".join(map(str, numbers))


def run_with(
    project: OnSlurm, fault: Fault, strike: Callable[[], None], *arguments: str, epoch: int = 5
) -> str:
    """Run the study, strike when the victim has trained some epochs; the output of snakemake."""
    with fault.timed():
        process = project.start(*arguments)
        try:
            wait_for(
                lambda: project.trains(VICTIM, epoch) or process.poll() is not None,
                120,
                "the training of the run that is to be hit",
            )
            assert process.poll() is None, process.communicate()[0]
            strike()
            output, _ = process.communicate(timeout=SECONDS)
        except subprocess.TimeoutExpired:
            queue = project.cluster.run("squeue", "--states=all", "--format=%i %T %N %r %k")
            states = ", ".join(project.cluster.states())
            kill(process)
            pytest.fail(f"not over after {SECONDS} s; nodes {states}\n{queue}\n{project.log()}")
        except BaseException:
            kill(process)
            raise
    assert process.returncode == 0, output
    return output
