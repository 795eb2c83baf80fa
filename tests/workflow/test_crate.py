"""A finished study made into a crate."""

import json
import math
import re
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from mlplab.files import file_digest, read_json

from .conftest import Project

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def graph(crate: Path) -> dict[str, dict[str, Any]]:
    """The entities of its metadata."""
    return {each["@id"]: each for each in read_json(crate / "ro-crate-metadata.json")["@graph"]}


def test_every_file_of_the_crate_is_described_with_its_digest(
    crate: Path, graph: dict[str, dict[str, Any]]
) -> None:
    files = {path.relative_to(crate).as_posix() for path in crate.rglob("*") if path.is_file()}
    described = {name for name in graph if name in files}
    assert described == files
    for name in files - {"ro-crate-metadata.json"}:
        assert graph[name]["sha256"] == file_digest(crate / name), name
    parts = {part["@id"] for part in graph["./"]["hasPart"]}
    assert parts == files - {"ro-crate-metadata.json"}


def test_every_job_is_told_with_its_script_its_files_and_the_times_that_were_measured(
    finished: Project, crate: Path, graph: dict[str, dict[str, Any]]
) -> None:
    jobs = [name for name in graph if name.startswith("#job/")]
    # Each leaves a log.
    folders = (finished.folder / f"results/{name}/logs" for name in ("small", "data/digits"))
    assert len(jobs) == sum(len(list(folder.rglob("*.log"))) for folder in folders)
    training = graph["#job/train/scratch/relu/seed%3D0"]
    assert training["instrument"] == {"@id": "workflow/scripts/train.py"}
    run = read_json(crate / "results/small/runs/scratch/relu/seed=0/run.json")
    from_record = [run["started"] / 1000, run["ended"] / 1000]

    start, end = (
        datetime.fromisoformat(training[key]).timestamp() for key in ("startTime", "endTime")
    )
    assert start <= from_record[0] <= from_record[1] <= end + 1
    made = {result["@id"] for result in training["result"]}
    folder = "results/small/runs/scratch/relu/seed=0"
    assert f"{folder}/history.csv" in made
    left_out = graph[f"#{folder}/parameters.safetensors"]
    assert left_out["sha256"] == file_digest(finished.folder / folder / "parameters.safetensors")
    given = {
        graph[each["@id"]].get("name"): graph[each["@id"]].get("value")
        for each in training["object"]
    }
    assert given["activation"] == "relu" and given["seed"] == "0" and given["epochs"] == "3"
    assert training["agent"] == {"@id": "#Ada%20Lovelace"}


def test_nothing_that_is_referred_to_is_missing(graph: dict[str, dict[str, Any]]) -> None:
    def referred(value: Any) -> Iterator[str]:
        if isinstance(value, list):
            for item in value:
                yield from referred(item)
        elif isinstance(value, dict):
            yield value["@id"]

    for entity in graph.values():
        for value in entity.values():
            for identifier in referred(value):
                assert identifier in graph or identifier.startswith("https://"), identifier


def test_the_checklist_has_the_studys_own_numbers(finished: Project, crate: Path) -> None:
    text = (crate / "checklist.md").read_text(encoding="utf-8")
    printed = finished.mlplab("checklist", "small")
    assert (printed.returncode, printed.stdout) == (0, text)
    summary = pd.read_csv(crate / "results/small/tables/summary.csv")
    for _, row in summary.iterrows():
        mean, std, low, high = (
            f"{row[f'test_accuracy_{part}']:.4f}" for part in ("mean", "std", "low", "high")
        )
        interval = "–" if math.isnan(row["test_accuracy_low"]) else f"{low} to {high}"
        line = f"| {row['implementation']} | relu | 2 | {mean} | {std} | {interval} |"
        assert line in text.splitlines()
    runs = [read_json(file) for file in crate.rglob("run.json")]
    seconds = sum(run["training_seconds"] for run in runs)
    assert f"- 4 runs: {seconds:.0f} s of training" in text
    assert f"decoded: SHA-256 `{runs[0]['data_digest']}`" in text
    assert "| hidden sizes | 16 |" in text and "| test images | 360 |" in text


def test_the_preview_names_who_ran_it_and_leads_to_files_that_are_there(crate: Path) -> None:
    text = (crate / "ro-crate-preview.html").read_text(encoding="utf-8")
    links = re.findall(r'href="(.*?)"', text)
    assert len(links) > 10 and links[0] == "results/small/report.html"
    assert all((crate / link).is_file() for link in links)
    assert "Run by Ada Lovelace with MLP Lab" in text and "runs 4, jobs" in text


def test_a_crate_tells_nothing_of_the_machine_it_was_made_on(
    finished: Project, crate: Path
) -> None:
    for path in crate.rglob("*"):
        if path.is_file() and path.suffix in (".json", ".html", ".csv", ".yaml"):
            assert str(finished.folder) not in path.read_text(encoding="utf-8"), path


@pytest.fixture(scope="module")
def changed(finished: Project, tmp_path_factory: pytest.TempPathFactory) -> Project:
    """A copy whose changes are taken back after each test."""
    return finished.copy(tmp_path_factory.mktemp("changed") / "project")


@contextmanager
def moved(path: Path) -> Iterator[Path]:
    """A file or folder put aside, and back again as it was."""
    aside = path.with_name(f"{path.name}.aside")
    path.rename(aside)
    try:
        yield aside
    finally:
        path.unlink(missing_ok=True)
        aside.rename(path)


def refused(project: Project) -> str:
    """The one line that says why there is no crate."""
    answer = project.mlplab("crate", "small", "out.zip")
    assert answer.returncode == 1
    assert not (project.folder / "out.zip").exists()
    (line,) = answer.stderr.strip().splitlines()
    return line


@pytest.mark.parametrize(
    ("file", "text", "said"),
    [
        ("results/small/report.html", "more", r"report\.html was changed after the study ran"),
        ("results/small/tables/runs.csv", None, r"tables/runs\.csv is missing"),
        (
            "results/small/runs/scratch/relu/seed=0/history.csv",
            "1",
            r"seed=0/history\.csv: changed since it was written .* train this run again: snakemake "
            r"--cores all --configfile results/small/config\.yaml --forcerun results/small/runs/",
        ),
        ("results/small/published.json", None, r"no finished study \(none is finished here\)"),
        (
            "workflow/mlplab/implementations/scratch.py",
            "\nEDITED = True\n",
            r"is not what its code and config give: .*/scratch/.* more, params changed; bring it",
        ),
    ],
)
def test_a_study_that_is_unfinished_or_was_changed_is_refused_in_one_line(
    changed: Project, file: str, text: str | None, said: str
) -> None:
    path = changed.folder / file
    with moved(path) as aside:
        if text is not None:
            path.write_bytes(aside.read_bytes() + text.encode())
        assert re.search(said, refused(changed))


def test_a_study_is_refused_where_snakemake_has_noted_nothing_of_it(changed: Project) -> None:
    notes = changed.folder / ".snakemake/metadata"
    with moved(notes):
        notes.mkdir()
        line = refused(changed)
        shutil.rmtree(notes)
    assert "Snakemake's note of who made it, and when, is not in .snakemake/metadata/" in line


def test_parameters_and_data_are_held_where_they_are_asked_for(
    finished: Project, tmp_path: Path
) -> None:
    answer = finished.mlplab("crate", "small", str(tmp_path / "c"), "--runs", "--data")
    assert answer.returncode == 0, answer.stderr
    folder = "results/small/runs/scratch/relu/seed=0"
    for name in ("parameters.safetensors", "predictions.parquet"):
        assert (tmp_path / "c" / folder / name).is_file()
    graph = json.dumps(read_json(tmp_path / "c/ro-crate-metadata.json"))
    assert "Not in this crate" not in graph
