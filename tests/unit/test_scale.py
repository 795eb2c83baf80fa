"""The benchmark of many runs: its studies are sound ones, and its page; never a timing."""

import contextlib
import json
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from benchmarks import recorded, scale, stages
from mlplab.figures import canvas
from mlplab.study.record import beside, load_records


def test_the_grids_have_as_many_runs_as_they_say() -> None:
    for runs, (implementations, rates, seeds) in recorded.GRIDS.items():
        assert implementations * len(recorded.ACTIVATIONS) * rates * seeds == runs
    assert recorded.grid_name(1000) == (
        "4 implementations × 5 activations × 5 learning rates × 10 seeds"
    )
    assert recorded.grid_name(10).endswith("1 learning rate × 1 seed")


@pytest.mark.slow
def test_a_study_that_was_not_trained_goes_through_every_stage(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(recorded, "GRIDS", {40: (2, 2, 2)})

    def save(figure: Any, *paths: Path) -> None:
        # To draw them takes a minute.
        for path in paths:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text('<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 9 9"/>')

    monkeypatch.setattr(canvas, "save", save)
    with contextlib.chdir(tmp_path):
        config = recorded.config_of(40)
        config["grid"]["learning_rate"] = [0.1, 1.0]
        recorded.CONFIG.write_text(json.dumps(config))
        for step in stages.PREPARATIONS:
            step()
        study = recorded.Study()
        paths = study.params["paths"]
        places = study.files("mlflow.json").values()
        files = beside(places, "run", "history", "evaluation", "diagnostics")
        records = load_records(paths, files)
        assert [record.run.run for record in records.values()] == paths
        statuses = [record.run.status for record in records.values()]
        assert (statuses.count("finished"), statuses.count("diverged")) == (38, 2)
        # Reading back refuses whatever differs between MLflow and the records.
        for stage in stages.STAGES:
            stage()
        runs = pd.read_parquet(study.table("runs")[1])
        assert runs["run"].tolist() == paths
        page = (recorded.STUDY / "report.html").read_text()
        assert "40 runs on Fashion-MNIST" in page
        assert "2 of 40 runs diverged" in page


def result() -> dict[str, Any]:
    """Sizes of which every stage takes 1 s and as much again for each ten runs."""
    stages = (*scale.NAMES, "dry_run")
    return {
        "sizes": [
            {
                "runs": runs,
                "grid": recorded.grid_name(runs),
                "cells": 10,
                "report_bytes": 1_250_000,
                "stages": {name: {"seconds": 1 + runs / 10, "mebibytes": 100.4} for name in stages},
            }
            for runs in (10, 100)
        ]
    }


def test_the_page_has_seconds_memory_and_growth_of_every_stage() -> None:
    text = scale.page(result())
    assert text.startswith("## Many runs\n")
    (grid,) = (line for line in text.splitlines() if "4 implementations" in line)
    assert [cell.strip() for cell in grid.split("|")[2:-1]] == ["100", "10", "1.2"]
    rows = [line for line in text.splitlines() if line.startswith("| report ")]
    cells = [[cell.strip() for cell in row.split("|")[2:-1]] for row in rows]
    # 11 s for 100 runs are 0.55 of 2 s for 10, run by run.
    assert cells == [["2.0", "11.0"], ["100", "100"], ["0.55"]]
    one = scale.page({"sizes": result()["sizes"][:1]})
    assert "growth" not in one
