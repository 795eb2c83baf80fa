import base64
import io
import sqlite3
import time
from contextlib import closing
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import yaml
from PIL import Image
from safetensors.numpy import load_file
from scipy import special

from mlplab.figures import sprites
from mlplab.files import read_json
from mlplab.initializers import initial_parameters
from mlplab_runtime.lock import LOCK, hold_lock

from .conftest import SMALL, Project, kill

pytestmark = pytest.mark.slow
RUNS = [f"{name}/relu/seed={seed}" for name in ("scratch", "concise") for seed in (0, 1)]


def tracked(project: Project) -> list[tuple[str, str]]:
    """Name and status of every live run of the grid in the MLflow store."""
    with closing(sqlite3.connect(project.folder / "results/mlflow/mlflow.db")) as store:
        rows = store.execute(
            "select name, status from runs join tags using (run_uuid) "
            "where lifecycle_stage = 'active' and key = 'mlplab.kind' and value = 'run'"
        )
        return sorted(rows.fetchall())


def test_the_study_ends_in_tables_and_a_report(finished: Project) -> None:
    study = finished.folder / "results/small"
    runs = pd.read_parquet(study / "tables/runs.parquet")
    assert list(runs["run"]) == RUNS
    assert runs["test_accuracy"].between(0, 1).all()
    csv = pd.read_csv(study / "tables/runs.csv", dtype={"hidden_sizes": str})
    pd.testing.assert_frame_equal(csv, runs, check_dtype=False)
    assert list(pd.read_csv(study / "tables/summary.csv")["n"]) == [2, 2]
    assert "</html>" in (study / "report.html").read_text()
    assert yaml.safe_load((study / "config.yaml").read_text())["training"] == {
        **SMALL["training"],
        "learning_rate": 0.1,
        "validation_size": 0,
    }
    assert tracked(finished) == [(path, "FINISHED") for path in sorted(RUNS)]


def test_what_a_reader_looks_at_is_the_data_sets_and_the_records(finished: Project) -> None:
    study = finished.folder / "results/small"
    run = study / "runs/scratch/relu/seed=0"
    examples = pd.read_parquet(study / "tables/examples.parquet")
    assert set(examples["run"]) == {"scratch/relu/seed=0"}
    told = pd.read_parquet(run / "predictions.parquet")
    rows = told.iloc[examples["image"]]
    assert rows["label"].astype(str).tolist() == examples["true"].tolist()
    assert rows["prediction"].astype(str).tolist() == examples["predicted"].tolist()
    softmax = special.softmax(np.stack(list(rows["logits"])).astype(np.float64), axis=1)
    places = np.arange(len(rows))
    assert np.allclose(softmax[places, rows["prediction"]], examples["p"], rtol=1e-9)
    assert np.allclose(softmax[places, rows["label"]], examples["p_true"], rtol=1e-9)
    pixels = load_file(finished.folder / "results/data/digits/data.safetensors")["test_images"]
    pictures = read_json(study / "pictures.json")
    sprite = np.array(Image.open(io.BytesIO(base64.b64decode(pictures["images"]))))
    for tile, image in zip(examples["tile"], examples["image"], strict=True):
        y, x = (8 * place for place in divmod(tile, pictures["columns"]))
        shown = sprite[y : y + 8, x : x + 8] / 255 * 16
        assert np.abs(shown - pixels[image]).max() <= 16 / 31 / 2 + 0.04
    (end,) = pictures["ends"]
    diagnostics = pd.read_csv(run / "diagnostics.csv")
    (share,) = diagnostics.loc[diagnostics["quantity"] == "dead_throughout", "value"]
    assert (end["units"], end["shown"]) == (16, 16) and len(end["silent"]) == share * 16
    start = initial_parameters((64, 16, 10), 0, 0.01, "zeros")["W1"].numpy()
    mask = np.zeros(16, bool)
    drawn = sprites.weights(start.T.reshape(16, 8, 8), mask)
    assert base64.b64decode(pictures["starts"][0]) == drawn
    mask[end["silent"]] = True
    weights = load_file(run / "parameters.safetensors")["W1"]
    drawn = sprites.weights(weights.T.reshape(16, 8, 8), mask)
    assert base64.b64decode(end["picture"]) == drawn


def test_every_job_leaves_a_log_and_a_benchmark(finished: Project) -> None:
    study = finished.folder / "results/small"
    for kind, ending in (("logs", "log"), ("benchmarks", "tsv")):
        for path in RUNS:
            assert (study / kind / "train" / f"{path}.{ending}").is_file()
        for rule in ("evaluate", "track"):
            for cell in ("scratch/relu", "concise/relu"):
                assert (study / kind / rule / f"{cell}.{ending}").is_file()
    log = (study / "logs/train/scratch/relu/seed=0.log").read_text()
    assert log.count("epoch ") == SMALL["training"]["epochs"]


def test_nothing_is_to_be_done_after_a_finished_study(finished: Project) -> None:
    answer = finished.run("--dry-run")
    assert answer.returncode == 0
    assert "Nothing to be done" in answer.stdout


def test_adding_a_seed_trains_the_new_runs_only(finished: Project, tmp_path: Path) -> None:
    project = finished.copy(tmp_path / "copy")
    project.write_config(grid={"activation": ["relu"], "seed": [0, 1, 2]})
    assert project.to_train() == ["concise relu seed=2", "scratch relu seed=2"]


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"trainng": {}}, "did you mean 'training'?"),
        ({"dataset": "digit"}, "did you mean 'digits'?"),
        ({"study": "a/b"}, "study: 'a/b' is not allowed"),
        ({"training": {"epochs": -1}}, "training.epochs: -1 is too small"),
    ],
)
def test_a_mistaken_config_is_refused_in_one_line(
    project: Project, changes: dict[str, object], expected: str
) -> None:
    project.write_config(**changes)
    answer = project.run("--cores", "1")
    assert answer.returncode != 0
    errors = [line for line in answer.stdout.splitlines() if "config error" in line]
    assert len(errors) == 1
    assert expected in errors[0]
    assert "Traceback" not in answer.stdout
    assert not (project.folder / "results").exists()


def test_a_job_that_runs_by_itself_gives_the_same_as_a_fork_of_the_warm_process(
    finished: Project, project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MLPLAB_WARM", "off")
    folder = "results/small/runs/scratch/relu/seed=0"
    answer = project.run("--cores", "1", "--", f"{folder}/run.json")
    assert answer.returncode == 0, answer.stdout
    for file in ("parameters.safetensors", "predictions.parquet"):
        assert (project.folder / folder / file).read_bytes() == (
            finished.folder / folder / file
        ).read_bytes()


def test_a_lost_database_is_noticed_and_everything_sent_to_a_new_one(
    finished: Project, tmp_path: Path
) -> None:
    project = finished.copy(tmp_path / "copy")
    (project.folder / "results/mlflow/mlflow.db").unlink()

    def records() -> list[Path]:
        return sorted((project.folder / "results/small/runs").rglob("run.json"))

    said = "results/mlflow/mlflow.db, MLflow's database, is gone: all runs"
    assert f"{said} would be sent" in project.run("--dry-run").stdout
    before = {file: file.stat().st_mtime_ns for file in records()}
    answer = project.run("--cores", "2")
    assert answer.returncode == 0, answer.stdout
    assert f"{said} are sent to a new one" in answer.stdout
    assert {file: file.stat().st_mtime_ns for file in records()} == before
    assert tracked(project) == [(path, "FINISHED") for path in sorted(RUNS)]
    assert "Nothing to be done" in project.run("--dry-run").stdout
    # The copy's artifacts are its own.
    artifacts = list((project.folder / "results/mlflow/artifacts").rglob("report.html"))
    assert len(artifacts) == 2


def test_results_are_not_deleted_while_a_study_runs(finished: Project, tmp_path: Path) -> None:
    project = finished.copy(tmp_path / "copy")
    page = project.folder / "results/small/report.html"
    with hold_lock(project.folder / LOCK):
        refused = project.run("--delete-all-output", "--cores", "1")
        assert refused.returncode != 0
        assert "Another snakemake works in this folder" in refused.stdout
        assert page.exists()
    assert project.run("--delete-all-output", "--cores", "1").returncode == 0
    assert not page.exists()


def test_a_killed_study_goes_on_with_the_same_command_and_loses_nothing(
    project: Project,
) -> None:
    project.write_config(training={"epochs": 60, "batch_size": 8})
    process = project.start("--cores", "2")
    logs = project.folder / "results/small/logs/train"
    deadline = time.monotonic() + 120
    while not any("epoch   2" in log.read_text() for log in logs.rglob("*.log")):
        assert process.poll() is None and time.monotonic() < deadline
        time.sleep(0.1)
    refused = project.run("--cores", "1")
    assert refused.returncode != 0
    assert "Another snakemake works in this folder" in refused.stdout
    kill(process)
    answer = project.run("--cores", "2")
    assert answer.returncode == 0, answer.stdout
    runs = pd.read_csv(project.folder / "results/small/tables/runs.csv")
    assert list(runs["run"]) == RUNS
    assert tracked(project) == [(path, "FINISHED") for path in sorted(RUNS)]
    records = [read_json(file) for file in (project.folder / "results").rglob("run.json")]
    assert sum(len(record["resumed_after"]) == 1 for record in records) >= 1
    for leftovers in ("*.part", "checkpoint.safetensors"):
        assert not list((project.folder / "results").rglob(leftovers))
