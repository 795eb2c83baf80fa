"""Studies on a real Slurm with two nodes: to the same tables as a local one, whatever is killed."""

import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pandas as pd
import pytest
import yaml

from services.faults import Fault, results
from services.loopback import wait_for
from services.on_slurm import LONG, VICTIM, OnSlurm, check, kill_node, run_with
from services.slurm import Slurm
from workflow.conftest import Project, kill

pytestmark = [pytest.mark.slow, pytest.mark.services]


@pytest.fixture
def long_study(project: Project, cluster: Slurm) -> Iterator[OnSlurm]:
    """A study of two runs that is ready to be run."""
    cluster.wait_until_idle()
    on_slurm = OnSlurm(project, cluster)
    on_slurm.write_config(**LONG)
    yield on_slurm


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
    assert on_slurm.log().count("has been submitted with SLURM jobid") == 4 + 2
    lines = answer.stdout.splitlines()
    trained = [line for line in lines if re.match(r"\d+/\d+ train \w+ \w+ seed=\d loss ", line)]
    assert len(trained) == 18
    assert lines[-1].endswith("all runs: make ui STUDY=small")
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


def test_a_study_on_a_cluster_is_watched_from_its_records(long_study: OnSlurm) -> None:
    process = long_study.start()
    wait_for(lambda: long_study.trains(VICTIM, 3), 120, "the training of a run")
    watch = [sys.executable, "-m", "mlplab.cli", "watch", "small"]
    answer = subprocess.run(
        watch, cwd=long_study.folder, env=long_study.environment(), capture_output=True, text=True
    )
    process.communicate(timeout=200)
    assert (process.returncode, answer.returncode) == (0, 0)
    lines = answer.stderr.splitlines()
    # The runs of a bundle train one after the other, on a node.
    assert any("1 network trains, epoch" in line for line in lines)
    assert any("1 network waiting" in line for line in lines)
    assert lines[-1].endswith("all runs: make ui STUDY=small")


def test_a_sqlite_store_is_refused_in_one_line(project: Project, cluster: Slurm) -> None:
    on_slurm = OnSlurm(project, cluster)
    answer = on_slurm.run()
    assert answer.returncode != 0
    lines = [line for line in answer.stdout.splitlines() if "SQLite" in line]
    assert len(lines) == 1
    assert "cluster: allow_sqlite: true" in lines[0]
    assert "Traceback" not in answer.stdout
    assert not list((project.folder / "results").rglob("*.json"))


def test_runs_on_cuda_ask_for_a_gpu(long_study: OnSlurm) -> None:
    grid = {**LONG["grid"], "implementation": ["manual", "numpy"]}
    long_study.write_config(**{**LONG, "training": {"epochs": 1}, "grid": grid, "device": "cuda"})
    submitted = len(long_study.cluster.gpus())
    # One bundle of two runs each.
    for name in grid["implementation"]:
        targets = [long_study.study / f"runs/{name}/relu/seed={seed}/run.json" for seed in (0, 1)]
        files = [str(file.relative_to(long_study.folder)) for file in targets]
        answer = long_study.run("--retries", "0", "--latency-wait", "5", "--", *files)
        # Behind the GPU that Slurm hands out is none here, which the run says. NumPy wants none.
        assert all(file.exists() for file in targets) == (name == "numpy"), answer.stdout
        assert (answer.returncode == 0) == (name == "numpy")
        assert ("finds no CUDA device" in answer.stdout) == (name == "manual")
    assert long_study.cluster.gpus()[submitted:] == ["gres:gpu:1", "N/A"]


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
    output = run_with(long_study, fault, lambda: kill_node(long_study))
    fault.happened = "job lost without warning, submitted again"
    check(long_study, undisturbed, fault, output)


def test_a_job_over_its_memory_gets_more(
    long_study: OnSlurm, undisturbed: Project, fault: Fault
) -> None:
    """job over its memory limit"""
    output = run_with(
        long_study, fault, lambda: None, "--set-resources", "train:mem_mb=attempt * 600"
    )
    # Which of it is known depends on the accounting; the log has the words of Slurm.
    said = long_study.log()
    assert "OUT_OF_MEMORY" in said or "CANCELLED" in said or "FAILED" in said
    assert re.search(r"✗ train manual relu seed=\d failed", output), output
    assert "Trying to restart job" in output
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
    """controller killed (-9), back after 3 s"""

    def strike() -> None:
        cluster, pid = long_study.cluster, long_study.process_of(VICTIM)
        assert pid
        # So that it outlasts what is done to the controller.
        os.kill(pid, signal.SIGSTOP)
        cluster.wait_until_saved(long_study.slurm_of(VICTIM)["SLURM_JOB_ID"])
        cluster.kill_controller()
        # Back within ten seconds: else an executor that asks meanwhile, without accounting, forgets
        # its jobs (profiles/README.md).
        time.sleep(3)
        cluster.start_controller()
        wait_for(cluster.states, 60, "the controller")
        os.kill(pid, signal.SIGCONT)

    # In a bundle, Slurm 22.05 may begin the next run minutes after the controller is back.
    output = run_with(long_study, fault, strike, "--group-components", "runs=1")
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
