"""An environment that lacks something is told in one message, before any job."""

import re
import sys
import tomllib
from importlib.util import find_spec

import pytest

from conftest import REPOSITORY
from mlplab_runtime.environment import JOBS, PLANNING, check_environment

# What a package is imported as, where that is not its name.
MODULES = {"pyyaml": "yaml", "scikit-learn": "sklearn"}
# Snakemake's own, and what its report alone imports.
NOT_CHECKED = {"snakemake", "snakemake-executor-plugin-slurm", "pygments"}


def hide(monkeypatch: pytest.MonkeyPatch, *names: str) -> None:
    monkeypatch.setattr(
        "mlplab_runtime.environment.find_spec",
        lambda name: None if name in names else find_spec(name),
    )


def test_this_environment_lacks_nothing() -> None:
    check_environment(jobs_elsewhere=False)


def test_what_is_missing_is_named_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    hide(monkeypatch, "torch", "mlflow")
    with pytest.raises(SystemExit, match=r"has no torch, mlflow\. Run the snakemake of"):
        check_environment(jobs_elsewhere=False)


def test_jobs_elsewhere_need_nothing_here(monkeypatch: pytest.MonkeyPatch) -> None:
    hide(monkeypatch, *JOBS)
    check_environment(jobs_elsewhere=True)
    hide(monkeypatch, "rich")
    with pytest.raises(SystemExit, match="has no rich"):
        check_environment(jobs_elsewhere=True)


def test_a_python_that_is_too_old_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "version_info", (3, 10, 4))
    with pytest.raises(SystemExit, match=r"Python 3\.11 or newer is needed, found"):
        check_environment(jobs_elsewhere=True)


def test_every_dependency_is_looked_for() -> None:
    project = tomllib.loads((REPOSITORY / "pyproject.toml").read_text())["project"]
    names = {re.split("[=<>]", each)[0] for each in project["dependencies"]} - NOT_CHECKED
    assert {MODULES.get(name, name) for name in names} == {*PLANNING, *JOBS}
