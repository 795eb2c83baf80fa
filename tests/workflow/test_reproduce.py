"""A crate run again in another folder: the same, or not, and where not."""

import re
import shutil
from pathlib import Path

import pytest

from mlplab.files import read_json

from .conftest import Project

pytestmark = pytest.mark.slow


def test_a_study_is_reproduced_elsewhere_with_another_number_of_threads(
    finished: Project, crate: Path, tmp_path: Path
) -> None:
    folder = tmp_path / "again"
    arguments = ("--folder", str(folder), "--cores", "2", "--threads", "2")
    answer = finished.mlplab("reproduce", str(crate), *arguments)
    assert answer.returncode == 0, answer.stdout + answer.stderr
    # With so few units two threads do what one does; on another processor they may not.
    assert "Bitwise the same: every loss" in answer.stdout or "Within rounding" in answer.stdout
    run = read_json(folder / "results/small/runs/scratch/relu/seed=0/run.json")
    assert run["threads"] == 2
    # Nothing of it is where the study ran first.
    assert (folder / "results/mlflow/mlflow.db").is_file()


def test_an_altered_crate_is_found_out_before_anything_runs(
    finished: Project, crate: Path, tmp_path: Path
) -> None:
    altered = shutil.copytree(crate, tmp_path / "altered")
    history = altered / "results/small/runs/concise/relu/seed=1/history.csv"
    history.write_text(history.read_text().replace("0.", "0.9", 1))
    answer = finished.mlplab("reproduce", str(altered), "--folder", str(tmp_path / "again"))
    assert answer.returncode == 1
    (line,) = answer.stderr.splitlines()
    assert "results/small/runs/concise/relu/seed=1/history.csv was altered: SHA-256 " in line
    assert not (tmp_path / "again").exists()


def test_numbers_that_differ_are_told_with_run_epoch_and_quantity(
    finished: Project, crate: Path, tmp_path: Path
) -> None:
    other = finished.copy(tmp_path / "other")
    file = other.folder / "workflow/mlplab/implementations/concise.py"
    text = file.read_text()
    # A tenth of every gradient.
    changed = text.replace("loss.backward()", "(loss / 10).backward()")
    assert changed != text, "concise.py has changed; mend this test"
    file.write_text(changed)
    arguments = ("--folder", str(tmp_path / "again"), "--cores", "2")
    answer = other.mlplab("reproduce", str(crate), *arguments)
    assert answer.returncode == 1, answer.stderr
    verdict, first, greatest = answer.stdout.splitlines()[-3:]
    assert verdict.startswith("Different: 2 of 4 runs")
    assert re.match(
        r"First: concise/relu/seed=0, epoch \d, \w+: [\d.]+ in the crate, [\d.]+ here\.",
        first,
    )
    assert greatest.startswith("Greatest: concise/relu/seed=")


def test_a_crate_with_plug_ins_runs_them_only_where_it_is_trusted(
    project: Project, tmp_path: Path
) -> None:
    networks = project.folder.parent / "my networks"
    networks.mkdir()
    source = project.folder / "workflow/mlplab/implementations/concise.py"
    (networks / "mine.py").write_text("import helper_of_mine\n" + source.read_text())
    (networks / "helper_of_mine.py").write_text("FACTOR = 1\n")
    (networks / "unused.py").write_text("raise SystemExit\n")
    project.write_config(
        implementations=str(networks),
        grid={"implementation": ["mine"], "activation": ["relu"], "seed": [0]},
    )
    study = project.run("--cores", "2")
    assert study.returncode == 0, study.stdout
    made = project.mlplab("crate", "small", "small.zip")
    assert made.returncode == 0, made.stderr
    assert f"The crate names places of this machine: {networks}\n" in made.stdout

    shutil.rmtree(networks)
    folder = tmp_path / "again"
    arguments = ("reproduce", "small.zip", "--folder", str(folder), "--cores", "2")
    refused = project.mlplab(*arguments)
    assert refused.returncode == 1
    (line,) = refused.stderr.splitlines()
    files = "plugins/implementations/helper_of_mine.py, plugins/implementations/mine.py."
    assert f"brings code of its own: {files}" in line
    answer = project.mlplab(*arguments, "--trust")
    assert answer.returncode == 0, answer.stdout + answer.stderr
    assert "Bitwise the same" in answer.stdout
