"""The jobs over all runs of a study: what the scripts of the workflow do, with the same calls.

`python -m benchmarks.stages collect_runs` does one of them in the working directory.
"""

import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from benchmarks.recorded import (
    ACTIVATIONS,
    IMAGES,
    STUDY,
    TABLES,
    Study,
    manifest,
    write_parity,
    write_records,
)
from benchmarks.recorded_store import URI, fill_store

ROOT = Path(__file__).resolve().parents[1]


def collect_runs() -> None:
    """See that MLflow holds all runs, read them back and check them against the records."""
    from mlplab import tables
    from mlplab.collecting import collect_runs
    from mlplab.files import read_json, value_digest, write_json
    from mlplab.record import RunFiles, beside, load_records

    study = Study()
    places = dict(zip(study.params["paths"], study.tracked(), strict=True))
    tracked = collect_runs(
        URI,
        read_json(STUDY / "study.json"),
        {path: RunFiles.at(file.parent) for path, file in places.items()},
        {path: read_json(file) for path, file in places.items()},
        read_json(STUDY / "manifest.json"),
        value_digest({}),
        0,
    )
    records = load_records(list(places), beside(places.values(), "run", "history", "evaluation"))
    tables.write(tables.runs_table(tracked, records), *study.table("runs"))
    write_json(
        STUDY / "tracked.json",
        {path: {"experiment_id": "1", "run_id": tracked[path]["run_id"]} for path in places},
    )


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
    names = manifest()["class_names"]
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
        mlflow=read_json(STUDY / "tracked.json"),
        data={name: pd.read_parquet(study.table(name)[1]) for name in TABLES},
        axes=study.params["axes"],
        figures=study.figures(),
        activations=[ROOT / f"workflow/mlplab/activations/{name}.py" for name in ACTIVATIONS],
    )
    write_text(STUDY / "report.html", page)


# What the stages need; no part of what is measured.
PREPARATIONS: tuple[Callable[[], None], ...] = (write_records, fill_store, write_parity)
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

if __name__ == "__main__":
    (chosen,) = (each for each in (*PREPARATIONS, *STAGES) if each.__name__ == sys.argv[1])
    chosen()
