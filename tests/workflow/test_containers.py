"""Jobs in containers, with a stand-in for apptainer that runs them outside and keeps a record."""

import re
import sys
from pathlib import Path

import pandas as pd
import pytest

from .conftest import ROOT, Project
from .test_study import RUNS

STAND_IN = """#!{python}
import os, sys
if "--version" in sys.argv:
    print("apptainer version 1.3.4")
    sys.exit()
with open({record!r}, "a") as record:
    print(*sys.argv[1:], file=record)
# … exec … IMAGE bash -c COMMAND
os.execvp(sys.argv[-3], sys.argv[-3:])
"""


@pytest.fixture
def apptainer(project: Project, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The record of a stand-in that is first on PATH, under both names of the program."""
    record = tmp_path / "record.txt"
    folder = tmp_path / "bin"
    folder.mkdir()
    for name in ("apptainer", "singularity"):
        program = folder / name
        program.write_text(STAND_IN.format(python=sys.executable, record=str(record)))
        program.chmod(0o755)
    path = project.environment()["PATH"]
    monkeypatch.setattr(
        Project, "environment", lambda self: {**environment(self), "PATH": f"{folder}:{path}"}
    )
    return record


environment = Project.environment


@pytest.mark.slow
def test_every_job_goes_through_the_image(
    project: Project, finished: Project, apptainer: Path
) -> None:
    (project.folder / "mlplab.sif").touch()
    answer = project.run("--cores", "2", "--sdm", "apptainer")
    assert answer.returncode == 0, answer.stdout
    calls = [line for line in apptainer.read_text().splitlines() if " exec " in f" {line}"]
    scripts = [re.search(r"scripts/tmp\w+\.(\w+)\.py", call) for call in calls]
    names = sorted(found[1] for found in scripts if found)
    assert names.count("train") == len(RUNS)
    assert {"decode", "evaluate", "track", "render_report", "publish_study"} <= set(names)
    assert all("mlplab.sif" in call for call in calls)
    study = "results/small/tables/runs.parquet"
    one, other = (pd.read_parquet(each.folder / study) for each in (project, finished))
    for column in ("run", "test_accuracy", "training_loss"):
        pd.testing.assert_series_equal(one[column], other[column], check_exact=True)


def test_a_missing_image_is_told_in_one_line(project: Project, apptainer: Path) -> None:
    answer = project.run("--cores", "1", "--sdm", "apptainer")
    assert answer.returncode != 0
    lines = [line for line in answer.stdout.splitlines() if "mlplab.sif" in line]
    assert lines == [
        "mlplab.sif is missing, the image of --sdm apptainer: `make container` builds it."
    ]
    assert "Traceback" not in answer.stdout


def test_both_definitions_build_the_same() -> None:
    dockerfile, definition = ((ROOT / name).read_text() for name in ("Dockerfile", "apptainer.def"))
    base = re.search(r"^ARG BASE=(\S+)$", dockerfile, re.MULTILINE)
    assert base and re.search(rf"^From: {re.escape(base[1])}$", definition, re.MULTILINE)
    lock = (ROOT / "Makefile").read_text()
    (version,) = set(re.findall(r"--python-version (\S+)", lock))
    assert base[1].startswith(f"python:{version}-slim")
    for text in (dockerfile, definition):
        assert "--require-hashes" in text
        copied = re.findall(r"(\S+) /opt/mlplab/\S+$", text, re.MULTILINE)
        assert "requirements.lock" in copied
    allowed = (ROOT / ".dockerignore").read_text().split()
    assert allowed == ["*", "!requirements.lock"]
