"""What messages advise is the user's own command."""

import os
import shlex
import sys
from pathlib import Path

import pytest

from mlplab.commands import VARIABLE, again
from mlplab_runtime.command import own_command


def test_without_a_workflow_the_usual_command_is_advised(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(VARIABLE, raising=False)
    assert again() == "snakemake --cores all"
    assert again(Path("a b/run.json")) == "snakemake --cores all --forcerun 'a b/run.json'"


def test_a_workflow_has_its_own_command_advised(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(VARIABLE, ".venv/bin/snakemake --profile slurm")
    assert again("train", "x") == ".venv/bin/snakemake --profile slurm --forcerun train x"


@pytest.mark.parametrize(
    ("called", "advised"),
    [
        ("--cores all", "--cores all"),
        ("--cores=2 all", "--cores=2"),
        ("-c2 report.html", "-c2"),
        ("-c 2 report.html", "-c 2"),
        (
            "--configfile a.yaml b.yaml --cores 1 --forcerun train",
            "--configfile a.yaml b.yaml --cores 1",
        ),
        (
            "-j 4 --config study=mine 'grid={seed: [0, 1]}' --dry-run",
            "-j 4 --config study=mine 'grid={seed: [0, 1]}'",
        ),
        ("-C a=1 -- results/x", "-C a=1"),
        (
            "--profile profiles/slurm --workflow-profile none -R train -F",
            "--profile profiles/slurm --workflow-profile none",
        ),
        ("-s other/Snakefile -d elsewhere -n", "-s other/Snakefile -d elsewhere"),
        ("--sdm conda apptainer --forceall", "--sdm conda apptainer"),
        ("--quiet all --until train", ""),
    ],
)
def test_what_is_of_one_call_alone_is_left_out(called: str, advised: str) -> None:
    advice = own_command(["/nowhere/bin/snakemake", *shlex.split(called)])
    assert advice == f"/nowhere/bin/snakemake {advised}".strip()


def test_a_module_is_called_as_such() -> None:
    advice = own_command(["/nowhere/snakemake/__main__.py", "-n", "--cores", "2"])
    python, *rest = shlex.split(advice)
    assert rest == ["-m", "snakemake", "--cores", "2"]
    assert os.path.basename(python) == os.path.basename(sys.executable)


def test_the_program_is_named_as_it_can_be_called_from_here(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    program = tmp_path / "bin" / "snakemake"
    program.parent.mkdir()
    program.write_text("")
    program.chmod(0o755)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PATH", os.defpath)
    assert own_command([str(program)]) == "bin/snakemake"
    monkeypatch.setenv("PATH", str(program.parent))
    assert own_command([str(program)]) == "snakemake"
