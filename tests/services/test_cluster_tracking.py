"""A study whose jobs on both nodes of a cluster send their runs to one tracking server."""

import itertools
from typing import Any

import pytest

from benchmarks.writers import count
from mlplab.files import read_json
from mlplab.study.record import RunFiles
from services.faults import Fault, results
from services.loopback import wait_for
from services.on_slurm import OnSlurm
from services.postgresql import PROGRAMS, PostgreSQL, Server
from services.slurm import NODES, Slurm
from workflow.conftest import Project, kill

pytestmark = [
    pytest.mark.slow,
    pytest.mark.services,
    pytest.mark.skipif(not PROGRAMS, reason="PostgreSQL is not installed: bash .ci/packages"),
]
GRID: dict[str, list[Any]] = {
    "implementation": ["scratch", "manual"],
    "activation": ["relu", "sigmoid", "tanh"],
    "seed": [0, 1],
}
RUNS = [
    f"{implementation}/{activation}/seed={seed}"
    for implementation, activation, seed in itertools.product(*GRID.values())
]
TARGET = "results/small/tables/runs.parquet"


def test_jobs_on_both_nodes_track_at_once_while_the_server_is_killed(
    project: Project, cluster: Slurm, database: PostgreSQL, server: Server, fault: Fault
) -> None:
    """server killed -9 under the jobs of two nodes, started again"""
    config = {"grid": GRID, "training": {"epochs": 3}, "cluster": {"local_rules": False}}
    study = OnSlurm(project, cluster, MLFLOW_TRACKING_URI=server.uri)
    study.write_config(**config)
    local = project.copy(project.folder.with_name("local"))
    assert local.run("--cores", "2", "--", TARGET).returncode == 0
    cluster.wait_until_idle()

    def sent() -> list[dict[str, str]]:
        return [read_json(file) for file in (study.study / "runs").rglob("mlflow.json")]

    with fault.timed():
        process = study.start("--", TARGET)
        try:
            wait_for(lambda: any("run_id" in run for run in sent()), 200, "a run that is sent")
            server.kill()
            server.start()
            output, _ = process.communicate(timeout=300)
        except BaseException:
            kill(process)
            raise
    assert process.returncode == 0, output
    deferred = sum("deferred" in run for run in sent())
    fault.happened = f"{deferred} of {len(RUNS)} runs were sent later, before the tables"
    records = {path: RunFiles.at(study.study / "runs" / path) for path in RUNS}
    held = count(database.uri, read_json(study.study / "study.json"), records)
    fault.count(held)
    assert not any(held.values())
    assert results(study.study) == results(local.folder / "results/small")
    assert cluster.nodes_of("rule_track") == set(NODES)
