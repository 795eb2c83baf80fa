"""Results are tied to the code, the machine and the versions that made them."""

import json
import os
import subprocess
import sys
from importlib.metadata import version
from pathlib import Path

import pytest

from mlplab.study import provenance


def git(folder: Path, *arguments: str) -> str:
    identity = ["-c", "user.name=t", "-c", "user.email=t@example.org", "-c", "commit.gpgsign=false"]
    command = ["git", *identity, *arguments]
    return subprocess.run(
        command, cwd=folder, check=True, capture_output=True, text=True
    ).stdout.strip()


def test_git_state_is_commit_and_whether_the_work_tree_differs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(provenance, "LIBRARY", tmp_path)
    git(tmp_path, "init", "--quiet")
    (tmp_path / "a").write_text("1")
    git(tmp_path, "add", "a")
    git(tmp_path, "commit", "--quiet", "-m", "first")
    commit = git(tmp_path, "rev-parse", "HEAD")
    assert provenance.git_state() == {"commit": commit, "dirty": False}
    (tmp_path / "a").write_text("2")
    assert provenance.git_state() == {"commit": commit, "dirty": True}


@pytest.mark.parametrize("place", ["workflow/mlplab/implementations", "plugins"])
def test_a_new_file_of_code_is_a_change(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, place: str
) -> None:
    library, folder = tmp_path / "workflow/mlplab", tmp_path / place
    library.mkdir(parents=True)
    folder.mkdir(parents=True, exist_ok=True)
    (library / "a.py").write_text("1")
    git(tmp_path, "init", "--quiet")
    git(tmp_path, "add", ".")
    git(tmp_path, "commit", "--quiet", "-m", "first")
    monkeypatch.setattr(provenance, "LIBRARY", library)
    (tmp_path / "notes.txt").write_text("")
    assert provenance.git_state()["dirty"] is False
    (folder / "mine.py").write_text("")
    assert provenance.git_state()["dirty"] is True


def test_the_commit_of_somebody_elses_repository_is_not_ours(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    git(tmp_path, "init", "--quiet")
    (tmp_path / "thesis.tex").write_text("")
    git(tmp_path, "add", ".")
    git(tmp_path, "commit", "--quiet", "-m", "thesis")
    library = tmp_path / "unpacked/workflow/mlplab"
    library.mkdir(parents=True)
    (library / "a.py").write_text("1")
    monkeypatch.setattr(provenance, "LIBRARY", library)
    assert provenance.git_state() == {"commit": None, "dirty": None}


def test_what_limits_instructions_is_recorded(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in provenance.INSTRUCTIONS:
        monkeypatch.delenv(name, raising=False)
    assert provenance.machine()["limits"] == {}
    monkeypatch.setenv("ONEDNN_MAX_CPU_ISA", "AVX2")
    monkeypatch.setenv("ATEN_CPU_CAPABILITY", "default")
    assert provenance.machine()["limits"] == {
        "ONEDNN_MAX_CPU_ISA": "AVX2",
        "ATEN_CPU_CAPABILITY": "default",
    }


def test_outside_a_repository_there_is_no_git_state(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(provenance, "LIBRARY", tmp_path)
    monkeypatch.setenv("GIT_CEILING_DIRECTORIES", str(tmp_path.parent))
    assert provenance.git_state() == {"commit": None, "dirty": None}


def test_without_git_there_is_no_git_state(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "")
    assert provenance.git_state() == {"commit": None, "dirty": None}


def test_the_machine_is_described_without_names_of_its_owner() -> None:
    machine = provenance.machine()
    assert set(machine) == {"processor", "cores", "system", "python", "limits"}
    assert machine["processor"].strip()
    assert 1 <= machine["cores"] <= (os.cpu_count() or 1)
    assert machine["python"] == ".".join(map(str, sys.version_info[:3]))
    assert os.uname().nodename not in json.dumps(machine)


def test_versions_are_those_installed() -> None:
    versions = provenance.versions()
    assert set(versions) == set(provenance.PACKAGES)
    assert versions["torch"] == version("torch")
    assert provenance.versions(["pytest"]) == {"pytest": pytest.__version__}
