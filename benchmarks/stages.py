"""The jobs over all runs of a study, as the workflow's scripts call them (`mlplab.steps`).

`python -m benchmarks.stages collect_runs` does one of them in the working directory.
"""

import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import yaml

from benchmarks.recorded import (
    ACTIVATIONS,
    DATA,
    STUDY,
    TABLES,
    Study,
    write_data,
    write_parity,
    write_records,
)
from benchmarks.recorded_store import URI, fill_store

ROOT = Path(__file__).resolve().parents[1]
ACTIVATION_FILES = [ROOT / f"workflow/mlplab/activations/{name}.py" for name in ACTIVATIONS]


def _config() -> dict[str, Any]:
    config: dict[str, Any] = yaml.safe_load((STUDY / "config.yaml").read_text())
    return config | {"tracking": {"uri": URI, "wait_seconds": 0}}


def _both(name: str) -> dict[str, Path]:
    return {form: STUDY / f"figures/{name}.{form}" for form in ("svg", "png")}


def _each(*names: str) -> dict[str, Path]:
    """The outputs of a step that draws several figures, by their keys."""
    return {
        f"{name.partition('/')[0]}_{form}": path
        for name in names
        for form, path in _both(name).items()
    }


def collect_runs() -> None:
    """See that MLflow holds all runs, read them back and check them against the records."""
    from mlplab.steps.collect_runs import collect_runs as step

    study = Study()
    csv, parquet = study.table("runs")
    outputs = {"csv": csv, "parquet": parquet, "tracked": STUDY / "tracked.json"}
    runs = study.files("mlflow.json")
    step(_config(), STUDY / "study.json", STUDY / "manifest.json", runs, outputs)


def summarize() -> None:
    """Make the tables over seeds and classes, the comparisons, McNemar's tests and intervals."""
    from mlplab.steps.summarize import summarize as step

    study = Study()
    outputs = {f"{name}_{file.suffix[1:]}": file for name in TABLES for file in study.table(name)}
    table, runs = study.table("runs")[1], study.files("run.json")
    step(table, STUDY / "manifest.json", runs, study.params["axes"], "test", 0.005, outputs)


def plot_overview() -> None:
    """Draw accuracy and seconds of all runs."""
    from mlplab.steps.plot_overview import plot_overview as step

    study = Study()
    groups = {path: group for group, paths in study.params["groups"].items() for path in paths}
    step(study.table("runs")[1], groups, "test", _each("accuracy", "seconds"))


def plot_diagnostics() -> None:
    """Draw gradients and units of all runs."""
    from mlplab.steps.plot_diagnostics import plot_diagnostics as step

    step(list(Study().files("run.json").values()), _each("gradients", "units"))


def plot_cells() -> None:
    """Draw samples and activations, curves of every group, predictions and confusion of cells."""
    from mlplab.steps.plot_activation import plot_activation
    from mlplab.steps.plot_cell import plot_cell
    from mlplab.steps.plot_curves import plot_curves
    from mlplab.steps.plot_samples import plot_samples

    study = Study()
    plot_samples(DATA, **_both("samples"))
    for name, file in zip(ACTIVATIONS, ACTIVATION_FILES, strict=True):
        outputs = {
            f"{kind}_{form}": path
            for kind, ending in (("function", ""), ("gradient", ".gradient"))
            for form, path in _both(f"activations/{name}{ending}").items()
        }
        plot_activation(file, outputs)
    for group, paths in study.params["groups"].items():
        evaluations = list(study.files("evaluation.json", paths).values())
        plot_curves(evaluations, "test", **_both(f"curves/{group}"))
    for cell, paths in study.params["cells"].items():
        evaluations = list(study.files("evaluation.json", paths).values())
        outputs = _each(f"predictions/{cell}", f"confusion/{cell}")
        plot_cell(DATA, evaluations, "test", 0, outputs)


def render_report() -> None:
    """Write the page."""
    from mlplab.steps.render_report import render_report as step

    study = Study()
    step(
        STUDY / "config.yaml",
        STUDY / "manifest.json",
        STUDY / "study.json",
        STUDY / "tracked.json",
        study.files("run.json"),
        {name: study.table(name)[1] for name in TABLES},
        study.params["axes"],
        study.figures(),
        ACTIVATION_FILES,
        None,
        STUDY / "report.html",
    )


# What the stages need; no part of what is measured.
PREPARATIONS: tuple[Callable[[], None], ...] = (
    write_data,
    write_records,
    fill_store,
    write_parity,
)
# The figures of cells come before the page that holds them.
STAGES: tuple[Callable[[], None], ...] = (
    collect_runs,
    summarize,
    plot_overview,
    plot_diagnostics,
    plot_cells,
    render_report,
)

if __name__ == "__main__":
    (chosen,) = (each for each in (*PREPARATIONS, *STAGES) if each.__name__ == sys.argv[1])
    chosen()
