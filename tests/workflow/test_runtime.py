"""The runtime between Snakemake and the jobs, in a study."""

import os
import sys
from pathlib import Path

import pytest

from .conftest import Project

pytestmark = pytest.mark.slow
RUNTIME = Path(__file__).parents[2] / "workflow/runtime/mlplab_runtime"


def test_a_users_modules_and_temporary_folder_are_in_nobodys_way(
    project: Project, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    users = tmp_path / "users"
    users.mkdir()
    for name in ("job", "warm", "invocation", *(file.stem for file in RUNTIME.glob("[a-z]*.py"))):
        (users / f"{name}.py").write_text("raise ImportError('the module of a user')\n")
    # Longer than the path of a socket may be.
    temporary = tmp_path / ("x" * 200)
    temporary.mkdir()
    search = [str(users), *filter(None, [os.environ.get("PYTHONPATH")])]
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join(search))
    monkeypatch.setenv("TMPDIR", str(temporary))
    answer = project.run("--cores", "1", "--", "results/small/config.yaml")
    assert answer.returncode == 0, answer.stdout
    assert "jobs run by themselves" not in answer.stdout
    assert not list(temporary.glob("mlplab*"))


PRINT = "\nimport os\nprint('while read:', os.environ.get('MLPLAB_WARM', 'none'))\n"


def test_warm_processes_import_while_a_new_study_is_planned_and_not_for_nothing(
    project: Project,
) -> None:
    with (project.folder / "Snakefile").open("a") as snakefile:
        snakefile.write(PRINT)
    new = project.run("--cores", "1", "--", "results/small/config.yaml")
    assert f"while read: {sys.prefix}:mlplab-" in new.stdout
    assert "while read: none" in project.run("--cores", "1", "--dry-run").stdout
    published = project.folder / "results/small/published.json"
    published.write_text("{}")
    there = project.run("--cores", "1", "--", "results/small/config.yaml")
    assert (there.returncode, "while read: none" in there.stdout) == (0, True)


def test_a_workflow_that_has_this_one_as_a_module_has_its_runtime(
    project: Project, tmp_path: Path
) -> None:
    folder = tmp_path / "elsewhere"
    folder.mkdir()
    (project.folder / "small.yaml").rename(folder / "small.yaml")
    (folder / "Snakefile").write_text(
        'import os\nconfigfile: "small.yaml"\n'
        f'module mlplab:\n    snakefile: "{project.folder}/Snakefile"\n    config: config\n'
        f"use rule * from mlplab\n{PRINT}"
        "onstart:\n    mlplab.onstart()\n    print('warm:', os.environ['MLPLAB_WARM'])\n"
    )
    answer = Project(folder).run("--cores", "1", "--", "results/small/config.yaml")
    assert answer.returncode == 0, answer.stdout
    assert "while read: none" in answer.stdout
    assert f"warm: {sys.prefix}:mlplab-" in answer.stdout
    # There our profile is not in force: Snakemake speaks, and then the study's end.
    assert "Job 0: Saving the configuration" in answer.stdout
    assert answer.stdout.splitlines()[-1].startswith("1 job in ")
    assert (folder / "results/small/config.yaml").is_file()
