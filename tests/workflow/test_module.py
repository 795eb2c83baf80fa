"""The workflow as a module of another one, as the workflow catalog has it used."""

from pathlib import Path

import pandas as pd
import pytest
import yaml

from .conftest import ROOT, SMALL, Project

pytestmark = pytest.mark.slow


def test_a_whole_study_from_another_folder_leaves_its_results_there(
    project: Project, tmp_path: Path
) -> None:
    folder = tmp_path / "elsewhere"
    folder.mkdir()
    grid = {"implementation": ["manual"], "activation": ["relu"], "seed": [0]}
    (folder / "small.yaml").write_text(yaml.safe_dump({**SMALL, "grid": grid}))
    (folder / "Snakefile").write_text(
        'configfile: "small.yaml"\n'
        f'module mlplab:\n    snakefile: "{project.folder}/workflow/Snakefile"\n'
        "    config: config\n"
        "use rule * from mlplab\n"
        "onstart:\n    mlplab.onstart()\n"
    )
    elsewhere = Project(folder)
    answer = elsewhere.run("--cores", "2")
    assert answer.returncode == 0, answer.stdout
    runs = pd.read_parquet(folder / "results/small/tables/runs.parquet")
    assert runs["run"].tolist() == ["manual/relu/seed=0"]
    assert "</html>" in (folder / "results/small/report.html").read_text()
    assert not (project.folder / "results").exists()
    # Without the profile of the workflow's own folder too.
    assert "Nothing to be done" in elsewhere.run("--dry-run").stdout


def test_the_catalog_finds_what_it_looks_for() -> None:
    """Its generator wants workflow/Snakefile, and these keys to list a usage as standardised."""
    entry = yaml.safe_load((ROOT / ".snakemake-workflow-catalog.yml").read_text())
    assert (ROOT / "workflow/Snakefile").is_file()
    assert (ROOT / "config/README.md").is_file()
    assert entry["usage"]["report"] is True
    deployment = entry["usage"]["software-stack-deployment"]
    assert deployment["conda"] is True
    assert set(deployment) <= {"conda", "apptainer", "apptainer+conda", "singularity"}
    assert set(entry["usage"]["mandatory-flags"]) == {"desc", "flags"}
