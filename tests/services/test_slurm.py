"""Studies on a real Slurm with two nodes: to the same tables as a local one, whatever is killed."""

import contextlib
import os
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pandas as pd
import pytest
import yaml

from mlplab.files import read_json
from services.conftest import Fault, results
from services.slurm import Slurm, wait_for
from workflow.conftest import Project, fresh, kill
from workflow.test_study import tracked

pytestmark = [pytest.mark.slow, pytest.mark.services]
# What differs from the profile: no accounting here, and looks that are as quick as the jobs.
QUICK = [
    "--profile=profiles/slurm",
    "--slurm-status-command=squeue",
    "--slurm-init-seconds-before-status-checks=3",
    "--seconds-between-status-checks=1",
]
# Two runs of some seconds, so that one of them can be hit in its middle.
LONG = {
    "grid": {"implementation": ["manual"], "activation": ["relu"], "seed": [0, 1]},
    "reference": "manual",
    "training": {"epochs": 60, "batch_size": 4},
    "cluster": {"allow_sqlite": True},
}
RUNS = ["manual/relu/seed=0", "manual/relu/seed=1"]
VICTIM = RUNS[0]


class OnSlurm(Project):
    """A project whose snakemake submits its jobs to a cluster."""

    def __init__(self, project: Project, cluster: Slurm) -> None:
        super().__init__(project.folder)
        self.cluster = cluster

    def command(self, *arguments: str) -> list[str]:
        return super().command(*QUICK, *arguments)

    def environment(self) -> dict[str, str]:
        path = os.pathsep.join([super().environment()["PATH"], self.cluster.environment["PATH"]])
        # The wrapper of srun comes before srun.
        path = os.pathsep.join([str(self.cluster.folder / "bin"), path])
        return {**super().environment(), **self.cluster.environment, "PATH": path}

    @property
    def study(self) -> Path:
        return self.folder / "results/small"

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


@pytest.fixture
def long_study(project: Project, cluster: Slurm) -> Iterator[OnSlurm]:
    """A study of two runs that is ready to be run."""
    cluster.wait_until_idle()
    on_slurm = OnSlurm(project, cluster)
    on_slurm.write_config(**LONG)
    yield on_slurm


@pytest.fixture(scope="session")
def undisturbed(tmp_path_factory: pytest.TempPathFactory) -> Project:
    """The same study, run locally to its end."""
    project = fresh(tmp_path_factory.mktemp("undisturbed") / "project")
    project.write_config(**LONG)
    answer = project.run("--cores", "2")
    assert answer.returncode == 0, answer.stdout
    return project


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
            output, _ = process.communicate(timeout=200)
        except BaseException:
            kill(process)
            raise
    assert process.returncode == 0, output
    return output


def test_the_demo_study_gives_the_same_tables_as_a_local_one(
    project: Project, cluster: Slurm, tmp_path: Path
) -> None:
    demo = yaml.safe_load((project.folder / "config/digits.yaml").read_text())
    del demo["study"]
    project.write_config(**demo, cluster={"allow_sqlite": True})
    local = project.copy(tmp_path / "local")
    start = time.monotonic()
    answer = local.run("--cores", "2")
    assert answer.returncode == 0, answer.stdout
    print(f"local: {time.monotonic() - start:.0f} s")
    on_slurm = OnSlurm(project, cluster)
    start = time.monotonic()
    answer = on_slurm.run()
    assert answer.returncode == 0, answer.stdout
    print(f"two nodes: {time.monotonic() - start:.0f} s")
    # Bundles of five runs, and two comparisons of implementations.
    assert answer.stdout.count("has been submitted with SLURM jobid") == 4 + 2
    ours, theirs = on_slurm.study, local.folder / "results/small"
    found = results(ours)
    assert len(found) == 18
    assert found == results(theirs)
    for name in ("runs", "summary", "per_class", "comparisons", "sampling", "intervals", "parity"):
        one, other = (
            pd.read_parquet(folder / f"tables/{name}.parquet") for folder in (ours, theirs)
        )
        same = [c for c in one if not any(w in c for w in ("second", "run_id", "timestamp"))]
        assert len(one) and len(same) > 2
        pd.testing.assert_frame_equal(one[same], other[same], check_exact=True)


def test_a_sqlite_store_is_refused_in_one_line(project: Project, cluster: Slurm) -> None:
    on_slurm = OnSlurm(project, cluster)
    answer = on_slurm.run()
    assert answer.returncode != 0
    lines = [line for line in answer.stdout.splitlines() if "SQLite" in line]
    assert len(lines) == 1
    assert "cluster: allow_sqlite: true" in lines[0]
    assert "Traceback" not in answer.stdout
    assert not list((project.folder / "results").rglob("*.json"))


def test_a_run_on_cuda_asks_for_a_gpu(long_study: OnSlurm) -> None:
    grid = {"implementation": ["manual", "numpy"], "activation": ["relu"], "seed": [0]}
    long_study.write_config(**{**LONG, "grid": grid, "device": "cuda"})
    separately = ["--group-components", "runs=1", "--retries", "0"]
    targets = [f"results/small/runs/{name}/relu/seed=0/run.json" for name in grid["implementation"]]
    answer = long_study.run(*separately, "--", *targets)
    # There is no GPU here: Slurm refuses the submission, which is shown. NumPy wants none.
    assert answer.returncode != 0
    assert answer.stdout.count("sbatch call") == 1
    assert "--gpus=1" in answer.stdout
    assert (long_study.study / "runs/numpy/relu/seed=0/run.json").exists()
    assert not (long_study.study / "runs/manual/relu/seed=0/run.json").exists()


def test_a_cancelled_job_goes_on(long_study: OnSlurm, undisturbed: Project, fault: Fault) -> None:
    """scancel of a training job"""

    def strike() -> None:
        long_study.cluster.run("scancel", long_study.slurm_of(VICTIM)["SLURM_JOB_ID"])

    output = run_with(long_study, fault, strike)
    fault.happened = "SIGTERM, a last checkpoint, submitted again"
    check(long_study, undisturbed, fault, output)


def test_a_job_whose_node_dies_goes_on(
    long_study: OnSlurm, undisturbed: Project, fault: Fault
) -> None:
    """node killed (-9), back after 20 s"""
    cluster = long_study.cluster

    def strike() -> None:
        node = long_study.slurm_of(VICTIM)["SLURMD_NODENAME"]
        cluster.kill_node(node)
        wait_for(lambda: not long_study.process_of(VICTIM), 10, "the end of the node's jobs")
        time.sleep(20)
        cluster.start_node(node)

    output = run_with(long_study, fault, strike)
    fault.happened = "job lost without warning, submitted again"
    check(long_study, undisturbed, fault, output)


def test_a_job_over_its_memory_gets_more(
    long_study: OnSlurm, undisturbed: Project, fault: Fault
) -> None:
    """job over its memory limit"""
    output = run_with(
        long_study, fault, lambda: None, "--set-resources", "train:mem_mb=attempt * 600"
    )
    assert "OUT_OF_MEMORY" in output or "CANCELLED" in output or "FAILED" in output
    fault.happened = "killed at 600 MB, submitted again with 1,200"
    check(long_study, undisturbed, fault, output, resumes=False)


def test_a_job_over_its_time_goes_on(
    long_study: OnSlurm, undisturbed: Project, fault: Fault
) -> None:
    """job over its time limit (1 min)"""

    def strike() -> None:
        # The run itself is shorter: it is held up until its time is over.
        pid = long_study.process_of(VICTIM)
        subprocess.run(["kill", "-STOP", str(pid)], check=True)
        wait_for(lambda: not Path(f"/proc/{pid}").exists(), 150, "the end of the job's time")

    arguments = ["--set-resources", "train:runtime=attempt", "--group-components", "runs=1"]
    output = run_with(long_study, fault, strike, *arguments)
    fault.happened = "held up until killed, submitted again with 2 min"
    check(long_study, undisturbed, fault, output)


def test_a_controller_that_is_restarted_is_waited_for(
    long_study: OnSlurm, undisturbed: Project, fault: Fault
) -> None:
    """controller killed (-9), back after 10 s"""

    def strike() -> None:
        long_study.cluster.kill_controller()
        time.sleep(10)
        long_study.cluster.start_controller()

    output = run_with(long_study, fault, strike)
    fault.happened = "jobs went on, their ends were seen later"
    check(long_study, undisturbed, fault, output, resumes=False)


def test_a_snakemake_that_is_killed_goes_on(
    long_study: OnSlurm, undisturbed: Project, fault: Fault
) -> None:
    """snakemake itself killed (-9), the same command again"""
    with fault.timed():
        process = long_study.start()
        wait_for(lambda: long_study.trains(VICTIM, 5), 120, "a training")
        kill(process)
        long_study.cluster.run("scancel", "--user=root")
        answer = long_study.run()
    assert answer.returncode == 0, answer.stdout
    fault.happened = "its jobs cancelled by hand, the study run again"
    check(long_study, undisturbed, fault, answer.stdout)
