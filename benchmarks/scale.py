"""Seconds and memory of everything but training, for studies of 10 to 10,000 runs.

The runs are not trained: their records are written as training writes them, in the workflow's own
folders of a temporary folder, and stand in an MLflow store as if they had been sent to it. Each
stage is then measured as a process of its own, imports included. Large modules are imported where
they are used: Linux counts the memory of the process that starts another as that other's peak.
"""

import argparse
import itertools
import json
import math
import os
import subprocess
import sys
import tempfile
import time
import uuid
from collections.abc import Callable, Mapping, Sequence
from functools import cached_property
from pathlib import Path
from typing import Any

from benchmarks.measure import paragraph, table

ROOT = Path(__file__).resolve().parents[1]
# Runs → how many implementations, learning rates and seeds; always with all activations.
GRIDS = {10: (2, 1, 1), 100: (4, 1, 5), 1_000: (4, 5, 10), 10_000: (4, 5, 100)}
IMPLEMENTATIONS = ["scratch", "concise", "manual", "numpy"]
ACTIVATIONS = ["sigmoid", "identity", "tanh", "elu", "relu"]
LEARNING_RATES = [0.01, 0.03, 0.1, 0.3, 1.0]
EPOCHS, IMAGES, CLASSES = 10, 10_000, 10
# So many different predictions are shared by all runs, as links to the same files.
VARIANTS = 64

CONFIG, STUDY = Path("scale.json"), Path("results/scale")
URI = "sqlite:///results/mlflow/mlflow.db"
TABLES = ("runs", "summary", "per_class", "parity", "comparisons", "sampling", "intervals")


def config_of(runs: int) -> dict[str, Any]:
    """The configuration of a study of so many runs."""
    implementations, rates, seeds = GRIDS[runs]
    grid: dict[str, Any] = {
        "implementation": IMPLEMENTATIONS[:implementations],
        "activation": ACTIVATIONS,
        "seed": list(range(seeds)),
    }
    if rates > 1:
        grid["learning_rate"] = LEARNING_RATES[:rates]
    return {"study": STUDY.name, "grid": grid, "training": {"epochs": EPOCHS}}


def grid_name(runs: int) -> str:
    """The grid in words."""
    amounts = (GRIDS[runs][0], len(ACTIVATIONS), *GRIDS[runs][1:])
    words = ("implementations", "activations", "learning rates", "seeds")
    return " × ".join(
        f"{amount} {word if amount > 1 else word[:-1]}"
        for amount, word in zip(amounts, words, strict=True)
    )


class Study:
    """The study in the working directory: what its rules hand to their scripts."""

    @cached_property
    def params(self) -> dict[str, Any]:
        """Paths of all runs, of those of each cell and group, and the further axes."""
        read: dict[str, Any] = json.loads((STUDY / "params.json").read_text())
        return read

    def tracked(self, paths: Sequence[str] | None = None) -> list[Path]:
        """Where MLflow keeps each run: the file that the others of its record lie beside."""
        chosen = self.params["paths"] if paths is None else paths
        return [STUDY / "runs" / path / "mlflow.json" for path in chosen]

    def figures(self) -> dict[str, Path]:
        """The page's figures by the names that it knows them by."""
        cells = self.params["cells"]
        names = [
            *("accuracy", "seconds", "samples", "gradients", "units"),
            *(f"activations/{name}{part}" for name in ACTIVATIONS for part in ("", ".gradient")),
            *(f"curves/{group}" for group in self.params["groups"]),
            *(f"{kind}/{cell}" for kind in ("predictions", "confusion") for cell in cells),
        ]
        return {name: STUDY / f"figures/{name}.svg" for name in names}

    @staticmethod
    def table(name: str) -> tuple[Path, Path]:
        """A table's two files."""
        return STUDY / f"tables/{name}.csv", STUDY / f"tables/{name}.parquet"


# Making the records ------------------------------------------------------------------------------


def write_records() -> None:
    """Write the records of the study that is configured, and what its first rules make."""
    import yaml

    from mlplab import grid
    from mlplab.config import resolve
    from mlplab.files import write_json

    config = resolve(json.loads(CONFIG.read_text()))
    (STUDY / "predictions").mkdir(parents=True)
    (STUDY / "config.yaml").write_text(yaml.safe_dump(config, sort_keys=False))
    write_json(STUDY / "manifest.json", _manifest())
    scores = [_write_predictions(variant) for variant in range(VARIANTS)]
    everything = grid.runs(config)
    for run in everything.values():
        _write_record(run, scores)
    write_json(
        STUDY / "params.json",
        {
            "paths": list(everything),
            "axes": next(iter(everything.values())).axes,
            "cells": _paths(grid.by_cell(everything)),
            "groups": _paths(grid.by_group(everything)),
        },
    )


def _paths(grouped: Mapping[str, list[Any]]) -> dict[str, list[str]]:
    return {name: [run.path for run in runs] for name, runs in grouped.items()}


def _manifest() -> dict[str, Any]:
    """What decoding says of the data set, apart from where its files came from."""
    from mlplab import datasets

    info = datasets.info("fashion_mnist")
    per_class = {"training": 6000, "test": 1000}
    return {
        "name": info.name,
        "title": info.title,
        "description": info.description,
        "homepage": info.homepage,
        "license": info.license,
        "citation": info.citation,
        "class_names": list(info.class_names),
        "pixel_max": info.pixel_max,
        "counts": {
            split: {
                "images": CLASSES * count,
                "shape": [28, 28],
                "per_class": [count] * CLASSES,
            }
            for split, count in per_class.items()
        },
        "files": [{"name": file.name, "md5": file.md5} for file in info.files.values()],
        "sha256": "0" * 64,
    }


def _write_predictions(variant: int) -> dict[str, Any]:
    """Predictions of 76 to 89 % of the images right; returns their scores, as evaluation does."""
    import numpy as np
    import pyarrow as pa
    import pyarrow.parquet

    from mlplab import datasets
    from mlplab.evaluation import scores

    random = np.random.default_rng(variant)
    labels = np.arange(IMAGES) % CLASSES
    right = random.random(IMAGES) < 0.76 + 0.002 * variant
    others = (labels + random.integers(1, CLASSES, IMAGES)) % CLASSES
    # Of few digits, so that files are small.
    probability = np.round(random.uniform(0.3, 1.0, IMAGES), 2)
    table = pa.table(
        {
            "label": pa.array(labels.astype(np.uint8)),
            "prediction": pa.array(np.where(right, labels, others).astype(np.uint8)),
            "probability": pa.array(probability),
            "label_log_probability": pa.array(np.log(np.where(right, probability, 0.05))),
        }
    )
    pyarrow.parquet.write_table(table, STUDY / f"predictions/{variant}.parquet")
    names = datasets.info("fashion_mnist").class_names
    return {"split": "test", **scores(table, tuple(names))}


def _write_record(run: Any, scores: list[dict[str, Any]]) -> None:
    """The files of one run. Of ReLU at the greatest learning rate, every fifth seed diverges."""
    import numpy as np

    from mlplab.files import write_json
    from mlplab.record import write_rows

    activation = ACTIVATIONS.index(run.activation)
    implementation = IMPLEMENTATIONS.index(run.implementation)
    rate = LEARNING_RATES.index(run.settings["learning_rate"])
    # Implementations differ by little: they start alike and see the same batches.
    random = np.random.default_rng([activation, rate, run.seed])
    variant = 8 * activation + 4 * rate + int(random.integers(0, 8))
    variant += int(np.random.default_rng([implementation, variant, run.seed]).integers(0, 3))
    diverged = run.activation == "relu" and rate == 4 and run.seed % 5 == 0
    score = dict(scores[variant])
    accuracy, started = score["accuracy"], 1_700_000_000_000
    loss = 1.3 - score["accuracy"]
    if diverged:
        loss, score["loss"] = math.nan, None
    epochs = range(1, (EPOCHS // 2 if diverged else EPOCHS) + 1)
    seconds = np.round(0.4 + 0.05 * implementation + 0.02 * random.random(len(epochs)), 6).tolist()
    noise = (1e-3 * random.random((len(epochs), 3))).tolist()
    history = [
        {
            "epoch": epoch,
            "training_loss": (loss if epoch == epochs[-1] else 1.3 - accuracy + 1 / epoch + a),
            "training_accuracy": accuracy * (1 - 0.2 / epoch) + b,
            "test_loss": (loss if epoch == epochs[-1] else 1.35 - accuracy + 1 / epoch + c),
            "test_accuracy": accuracy if epoch == epochs[-1] else accuracy * (1 - 0.25 / epoch),
            "seconds": duration,
            "samples_per_second": 60_000 / duration,
            "timestamp": started + 450 * epoch,
        }
        for epoch, duration, (a, b, c) in zip(epochs, seconds, noise, strict=True)
    ]
    quantities = [
        *(("gradient_norm", name) for name in ("W1", "b1", "W2", "b2")),
        *((name, "H1") for name in ("dead", "saturated", "activation_std")),
    ]
    values = random.random((len(epochs) + 1, len(quantities))).tolist()
    diagnostics = [
        {"epoch": epoch, "quantity": quantity, "of": of, "value": value}
        for epoch, row in enumerate(values)
        for (quantity, of), value in zip(quantities, row, strict=True)
    ]
    last = history[-1]
    bounds = {
        "training_loss": (None, 0.5),
        "training_accuracy": (0.7, 1),
        "test_accuracy": (0.7, 1),
    }
    folder = STUDY / "runs" / run.path
    folder.mkdir(parents=True)
    write_rows(folder / "history.csv", history)
    write_rows(folder / "diagnostics.csv", diagnostics)
    write_json(folder / "evaluation.json", score)
    (folder / "parameters.safetensors").write_bytes(b"\x02\0\0\0\0\0\0\0{}")
    os.link(STUDY / f"predictions/{variant}.parquet", folder / "predictions.parquet")
    write_json(
        folder / "run.json",
        {
            "run": run.path,
            "implementation": run.implementation,
            "activation": run.activation,
            "seed": run.seed,
            "dataset": "fashion_mnist",
            "settings": run.settings,
            "axes": list(run.axes),
            "scored_on": "test",
            "started": started,
            "ended": started + 5_000,
            "device": "cpu",
            "threads": 1,
            "matmul_precision": "medium",
            "data_digest": "0" * 64,
            "code_digest": "0" * 64,
            "git": {"commit": None, "dirty": None},
            "machine": {"processor": "any", "cores": 2, "system": "any", "python": "3"},
            "versions": {"torch": "2", "numpy": "2"},
            "status": "diverged" if diverged else "finished",
            "error": None,
            "sanity": {
                name: {
                    "value": last[name] if math.isfinite(last[name]) else None,
                    "above": above,
                    "below": below,
                    "met": (above or -math.inf) < last[name] <= below,
                }
                for name, (above, below) in bounds.items()
            },
            "training_seconds": sum(seconds),
            "seconds_per_epoch": sorted(seconds)[len(seconds) // 2],
            "diagnostics_seconds": 0.1,
        },
    )


def fill_store() -> None:
    """Put every run into an MLflow store: the first is sent, the others are rows like its own.

    To send them all would take half an hour, and is no part of what is measured here.
    """
    import sqlite3

    from mlplab.files import read_json, write_json
    from mlplab.record import NAMES, RunFiles, beside
    from mlplab.tracking import start_study, track_runs

    study = start_study(URI, STUDY.name)
    write_json(STUDY / "study.json", study)
    places = Study().tracked()
    files = RunFiles.each(beside(places, *NAMES))
    manifest = read_json(STUDY / "manifest.json")
    (first,) = track_runs(URI, study, files[:1], manifest, "0" * 64)
    write_json(places[0], first)
    database = sqlite3.connect(URI.removeprefix("sqlite:///"))
    with database:
        for place, record in zip(places[1:], files[1:], strict=True):
            run_id = _insert_run(database, first["run_id"], record)
            write_json(place, {**first, "run_id": run_id})
    database.close()


def _insert_run(database: Any, like: str, files: Any) -> str:
    """Insert a run into MLflow's tables beside the one whose id is `like`; returns its id."""
    from mlplab import tracking

    record, run_id = files.load(), uuid.uuid4().hex
    points = {
        (point.key, point.step): (
            point.key,
            0.0 if math.isnan(point.value) else point.value,
            point.timestamp,
            point.step,
            math.isnan(point.value),
            run_id,
        )
        for point in tracking._metrics(record)
    }
    latest = {key: values for (key, _), values in points.items()}
    tags = {
        tracking.RUN_TAG: record.run["run"],
        tracking.RECORD_TAG: files.digest(),
        tracking.KIND_TAG: "run",
        "mlflow.runName": record.run["run"],
        **tracking._tags(record, "0" * 64),
    }
    parameters = tracking._parameters(record).items()
    rows: dict[str, list[tuple[Any, ...]]] = {
        "metrics (key, value, timestamp, step, is_nan, run_uuid)": list(points.values()),
        "latest_metrics (key, value, timestamp, step, is_nan, run_uuid)": list(latest.values()),
        "params (key, value, run_uuid)": [
            (key, tracking._text(value), run_id) for key, value in parameters
        ],
        "tags (key, value, run_uuid)": [(key, value, run_id) for key, value in tags.items()],
    }
    copied = {
        "runs": {"run_uuid": run_id, "name": record.run["run"]},
        "inputs": {"input_uuid": uuid.uuid4().hex, "destination_id": run_id},
    }
    for name, changes in copied.items():
        key = "destination_id" if name == "inputs" else "run_uuid"
        found = database.execute(f"SELECT * FROM {name} WHERE {key} = ?", [like])
        columns = [column[0] for column in found.description]
        row = {**dict(zip(columns, found.fetchone(), strict=True)), **changes}
        rows[f"{name} ({', '.join(row)})"] = [tuple(row.values())]
    for into, values in rows.items():
        marks = ", ".join("?" * len(values[0]))
        database.executemany(f"INSERT INTO {into} VALUES ({marks})", values)
    return run_id


def write_parity() -> None:
    """Write a parity table in which everything agrees; its size does not depend on the runs."""
    import pandas as pd

    from mlplab import tables

    rows = [
        {
            "implementation": implementation,
            "activation": activation,
            "reference": "concise",
            "quantity": quantity,
            "of": of,
            "step": step,
            "dtype": dtype,
            "network": "784-256-10",
            "difference": tolerance / 10,
            "tolerance": tolerance,
            "verdict": "agrees",
            "detail": "",
        }
        for implementation in IMPLEMENTATIONS
        for activation in ACTIVATIONS
        for quantity, of in (("loss", ""), ("gradient", "W1"), ("gradient", "W2"))
        for step in (1, 2, 3, 10, 100)
        for dtype, tolerance in (("float64", 1e-12), ("float32", 1e-3))
    ]
    tables.write(pd.DataFrame(rows), *Study.table("parity"))


# The stages: what the scripts of the workflow do, with the same calls -----------------------------


def collect_runs() -> None:
    """Read all runs back from MLflow and check them against the records."""
    from mlplab import tables
    from mlplab.files import read_json
    from mlplab.record import beside, load_records
    from mlplab.tracking import read_runs

    study = Study()
    paths, places = study.params["paths"], study.tracked()
    run_ids = {path: read_json(file)["run_id"] for path, file in zip(paths, places, strict=True)}
    tracked = read_runs(URI, read_json(STUDY / "study.json"), run_ids)
    records = load_records(paths, beside(places, "run", "history", "evaluation"))
    tables.write(tables.runs_table(tracked, records), *study.table("runs"))


def summarize() -> None:
    """Make the tables over seeds and classes, the comparisons, McNemar's tests and intervals."""
    import pandas as pd

    from mlplab import comparisons, tables
    from mlplab.record import beside, load_records

    study = Study()
    axes, paths = study.params["axes"], study.params["paths"]
    runs = pd.read_parquet(study.table("runs")[1])
    files = beside(study.tracked(), "run", "history", "evaluation", "predictions")
    predictions = dict(zip(paths, files.predictions, strict=True))
    summaries = {
        "summary": tables.summary_table(runs, axes),
        "per_class": tables.per_class_table(runs, load_records(paths, files)),
        "comparisons": comparisons.comparisons_table(runs, axes, margin=0.005),
        "sampling": comparisons.sampling_table(runs, predictions, axes),
        "intervals": comparisons.wilson_table(runs, IMAGES, axes),
    }
    for name, summary in summaries.items():
        tables.write(summary, *study.table(name))


def _save(name: str, figure: Any) -> None:
    from mlplab import figures

    figures.save(figure, *(STUDY / f"figures/{name}.{form}" for form in ("svg", "png")))


def plot_overview() -> None:
    """Draw accuracy and seconds of all runs."""
    import pandas as pd

    from mlplab import figures

    study = Study()
    runs = pd.read_parquet(study.table("runs")[1])
    group_of = {path: group for group, paths in study.params["groups"].items() for path in paths}
    runs["group"] = runs["run"].map(group_of)
    for name, column, draw in (
        ("accuracy", "test_accuracy", figures.accuracy),
        ("seconds", "seconds_per_epoch", figures.seconds),
    ):
        values = {
            str(implementation): {
                str(group): rows[column].tolist()
                for group, rows in series.groupby("group", sort=False)
            }
            for implementation, series in runs.groupby("implementation", sort=False)
        }
        _save(name, draw(values))


def plot_diagnostics() -> None:
    """Draw gradients and units of all runs."""
    from mlplab import gradient_flow
    from mlplab.files import read_json
    from mlplab.record import beside, read_rows

    files = beside(Study().tracked(), "run", "diagnostics")
    runs = [read_json(file) for file in files.run]
    rows = [read_rows(file) for file in files.diagnostics]
    _save("gradients", gradient_flow.gradients(runs, rows))
    _save("units", gradient_flow.units(runs, rows))


def plot_cells() -> None:
    """Draw curves of every group, predictions and confusion of every cell, and the activations."""
    import numpy as np
    import pyarrow.parquet

    from mlplab import figures
    from mlplab.files import read_json
    from mlplab.record import beside, load_records

    study = Study()
    names = _manifest()["class_names"]
    images = np.random.default_rng(0).integers(0, 256, (18, 28, 28), dtype=np.uint8)
    _save("samples", figures.images(images, names + names[:8], columns=9))
    x = np.arange(-8, 8, 0.1)
    for activation in ACTIVATIONS:
        function, gradient = figures.activation(activation, x, x, x, x)
        _save(f"activations/{activation}", function)
        _save(f"activations/{activation}.gradient", gradient)
    for group, paths in study.params["groups"].items():
        files = beside(study.tracked(paths), "run", "history", "evaluation")
        by_implementation: dict[str, list[Any]] = {}
        for record in load_records(paths, files).values():
            by_implementation.setdefault(record.run["implementation"], []).append(record)
        _save(f"curves/{group}", figures.curves(by_implementation))
    for cell, paths in study.params["cells"].items():
        files = beside(study.tracked(paths), "evaluation", "predictions")
        matrices = [np.array(read_json(file)["confusion"]) for file in files.evaluation]
        _save(f"confusion/{cell}", figures.confusion(np.sum(matrices, axis=0), names))
        first = pyarrow.parquet.read_table(files.predictions[0]).slice(0, 6)
        labels, predicted = (
            [names[index] for index in first[column].to_pylist()]
            for column in ("label", "prediction")
        )
        _save(f"predictions/{cell}", figures.predictions(images[:6], labels, predicted))


def render_report() -> None:
    """Write the page."""
    import pandas as pd
    import yaml

    from mlplab.files import read_json, write_text
    from mlplab.record import beside, load_records
    from mlplab.report import render

    study = Study()
    paths, places = study.params["paths"], study.tracked()
    files = beside(places, "run", "history", "evaluation", "diagnostics")
    page = render(
        config=yaml.safe_load((STUDY / "config.yaml").read_text()),
        manifest=read_json(STUDY / "manifest.json"),
        study=read_json(STUDY / "study.json"),
        records=load_records(paths, files),
        mlflow={path: read_json(file) for path, file in zip(paths, places, strict=True)},
        data={name: pd.read_parquet(study.table(name)[1]) for name in TABLES},
        axes=study.params["axes"],
        figures=study.figures(),
        activations=[ROOT / f"workflow/mlplab/activations/{name}.py" for name in ACTIVATIONS],
    )
    write_text(STUDY / "report.html", page)


PREPARATIONS: tuple[Callable[[], None], ...] = (fill_store, write_parity)
# The figures of cells come before the page that holds them.
STAGES: tuple[Callable[[], None], ...] = (
    collect_runs,
    summarize,
    plot_overview,
    plot_diagnostics,
    plot_cells,
    render_report,
)
# The jobs over all runs; the figures of cells are jobs of their own.
WHOLE = ("collect_runs", "summarize", "plot_overview", "plot_diagnostics", "render_report")


# Measuring ----------------------------------------------------------------------------------------


def _environment() -> dict[str, str]:
    """The environment of a stage: it finds the library and this package, and uses one thread."""
    paths = [str(ROOT), str(ROOT / "workflow"), os.environ.get("PYTHONPATH", "")]
    settings = {
        "MLFLOW_DISABLE_TELEMETRY": "true",
        "OPENBLAS_NUM_THREADS": "1",
        "PYTHONPATH": os.pathsep.join(filter(None, paths)),
    }
    kept = {key: value for key, value in os.environ.items() if not key.startswith("MLFLOW_")}
    return {**kept, **settings}


def _measured(folder: Path, *arguments: str) -> dict[str, float]:
    """Wall seconds and peak memory (MiB) of a Python process; RuntimeError where it fails."""
    with tempfile.TemporaryFile("w+") as output:
        start = time.perf_counter()
        process = subprocess.Popen(
            [sys.executable, *arguments],
            cwd=folder,
            env=_environment(),
            stdout=output,
            stderr=subprocess.STDOUT,
        )
        _, status, usage = os.wait4(process.pid, 0)
        seconds = time.perf_counter() - start
        process.returncode = os.waitstatus_to_exitcode(status)
        if process.returncode:
            output.seek(0)
            raise RuntimeError(f"{' '.join(arguments)} failed:\n{output.read()[-3000:]}")
    print(f"  {arguments[-1]}: {seconds:.1f} s", flush=True)
    return {"seconds": seconds, "mebibytes": usage.ru_maxrss / 1024}


def measure(runs: int) -> dict[str, Any]:
    """Every stage of a study of so many runs, in a temporary folder."""
    print(f"{runs:,} runs", flush=True)
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        (folder / CONFIG).write_text(json.dumps(config_of(runs)))
        snakefile = ("--snakefile", str(ROOT / "Snakefile"), "--directory", ".")
        planned = ("--configfile", CONFIG.name, "--quiet", "--dry-run")
        stages = {"dry_run": _measured(folder, "-m", "snakemake", *snakefile, *planned)}
        stage = ("-m", "benchmarks.scale", "--stage")
        for preparation in (write_records, *PREPARATIONS):
            _measured(folder, *stage, preparation.__name__)
        stages |= {each.__name__: _measured(folder, *stage, each.__name__) for each in STAGES}
        size = (folder / STUDY / "report.html").stat().st_size
        cells = len(json.loads((folder / STUDY / "params.json").read_text())["cells"])
    whole = [stages[name] for name in WHOLE]
    stages["whole"] = {
        "seconds": sum(each["seconds"] for each in whole),
        "mebibytes": max(each["mebibytes"] for each in whole),
    }
    grid = {"runs": runs, "grid": grid_name(runs), "cells": cells}
    return {**grid, "report_bytes": size, "stages": stages}


def main() -> dict[str, Any]:
    """Every size, one after the other."""
    return {"sizes": [measure(runs) for runs in GRIDS]}


# The page -----------------------------------------------------------------------------------------

NAMES = {
    "collect_runs": "reading back from MLflow",
    "summarize": "tables and comparisons",
    "plot_overview": "figures of accuracy and time",
    "plot_diagnostics": "figures of gradients and units",
    "render_report": "report",
    "whole": "**all of these**",
    "plot_cells": "figures of every cell",
    "dry_run": "Snakemake's dry run",
}


def _growth(sizes: Sequence[Mapping[str, Any]], stage: str) -> list[str]:
    """Seconds per run of a stage as multiples of those of the size before."""
    each = [size["stages"][stage]["seconds"] / size["runs"] for size in sizes]
    return [f"{after / before:.2f}" for before, after in itertools.pairwise(each)]


def page(result: Mapping[str, Any]) -> str:
    """Seconds, memory and growth as a section of Markdown."""
    sizes = result["sizes"]
    amounts = [f"{size['runs']:,} runs" for size in sizes]

    def values(key: str, decimals: int) -> list[list[str]]:
        return [
            [title, *(f"{size['stages'][name][key]:,.{decimals}f}" for size in sizes)]
            for name, title in NAMES.items()
        ]

    what = paragraph(
        f"""Everything but training, for studies of up to {sizes[-1]["runs"]:,} runs. Their records
        are written as training writes them, {EPOCHS} epochs with diagnostics, and predictions of
        {IMAGES:,} images, and stand in an MLflow store as if they had been sent to it. Every stage
        is a process of its own, its imports included. The figures of cells are many jobs, which
        share all cores; here one process draws them all. The dry run is of a study of which nothing
        has run."""
    )
    grids = [
        [
            size["grid"],
            f"{size['runs']:,}",
            f"{size['cells']:,}",
            f"{size['report_bytes'] / 1e6:.1f}",
        ]
        for size in sizes
    ]
    parts = [
        "## Many runs\n",
        what,
        table(["grid", "runs", "cells", "report, MB"], grids),
        table(["seconds", *amounts], values("seconds", 1)),
        table(["peak memory, MiB", *amounts], values("mebibytes", 0)),
    ]
    if len(sizes) > 1:
        parts += [
            "Seconds per run, as a multiple of those of the column before: 1 is in proportion.\n",
            table(
                ["growth", *amounts[1:]],
                [[title, *_growth(sizes, name)] for name, title in NAMES.items()],
            ),
        ]
    return "\n".join(parts)


def _command() -> None:
    """`python -m benchmarks.scale 10 100` measures chosen sizes."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.scale", description=__doc__)
    parser.add_argument("runs", nargs="*", type=int, help=f"of {list(GRIDS)}; all without any")
    parser.add_argument("--stage", help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.stage:
        globals()[arguments.stage]()
    else:
        print(page({"sizes": [measure(runs) for runs in arguments.runs or GRIDS]}))


if __name__ == "__main__":
    _command()
