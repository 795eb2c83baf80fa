"""The jobs over all runs of a study, as the workflow's scripts call them (`mlplab.steps`).

`python -m benchmarks.stages collect_runs` does one of them in the working directory.
"""

import sys
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import Any

import yaml

from benchmarks.recorded import (
    ACTIVATIONS,
    DATA,
    STUDY,
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
    return config | {"tracking": {"uri": URI, "wait_seconds": 0, "models": False}}


def collect_runs() -> None:
    """See that MLflow holds all runs, read them back and check them against the records."""
    from mlplab.steps.collect_runs import collect_runs as step

    study = Study()
    outputs = {**study.tables("collect_runs"), "tracked": STUDY / "tracked.json"}
    runs = study.files("mlflow.json")
    step(_config(), STUDY / "study.json", STUDY / "manifest.json", runs, outputs, {})


def summarize() -> None:
    """Make the tables over seeds and classes, the comparisons, McNemar's tests and intervals."""
    from mlplab.steps.summarize import summarize as step

    study = Study()
    outputs = study.tables("summarize")
    table, runs = study.table("runs")[1], study.files("run.json")
    agreed = study.table("agreement")[1]
    step(table, agreed, STUDY / "manifest.json", runs, study.params["axes"], "test", 0.005, outputs)


def tabulate_diagnostics() -> None:
    """Average gradient norms, dead units and saturated values over the runs of a network."""
    from mlplab.steps.tabulate_diagnostics import tabulate_diagnostics as step

    study = Study()
    agreed = study.table("agreement")[1]
    step(agreed, list(study.files("run.json").values()), study.tables("tabulate_diagnostics"))


def collect_examples() -> None:
    """Put together images, predictions and weights of one network of each activation."""
    from mlplab.steps.collect_examples import collect_examples as step

    study = Study()
    outputs = {**study.tables("collect_examples"), "pictures": STUDY / "pictures.json"}
    runs, groups, agreed = (study.table(name)[1] for name in ("runs", "groups", "agreement"))
    step(DATA, runs, groups, agreed, study.files("run.json"), "test", outputs)


def _tables(*names: str) -> dict[str, Path]:
    return {name: Study.table(name)[1] for name in names}


def plot_overview() -> None:
    """Draw accuracy and seconds of all runs."""
    from mlplab.figures import runs
    from mlplab.steps.plot_tables import plot_tables

    tables = _tables("runs", "summary", "groups", "curves")
    plot_tables(runs, tables, Study.drawn("plot_overview"), "test")


def plot_diagnostics() -> None:
    """Draw gradients and units of all runs."""
    from mlplab.figures import diagnostics
    from mlplab.steps.plot_tables import plot_tables

    plot_tables(diagnostics, _tables("diagnostics", "histograms"), Study.drawn("plot_diagnostics"))


def plot_cells() -> None:
    """Draw samples and activations, curves of every group, predictions and confusion of cells."""
    from mlplab.steps.plot_activation import plot_activation
    from mlplab.steps.plot_cell import plot_cell
    from mlplab.steps.plot_curves import plot_curves
    from mlplab.steps.plot_samples import plot_samples

    study = Study()
    plot_samples(DATA, study.drawn("plot_samples"))
    for name, file in zip(ACTIVATIONS, ACTIVATION_FILES, strict=True):
        plot_activation(file, study.drawn("plot_activation", name), "auto")
    for group, paths in study.params["groups"].items():
        evaluations = list(study.files("evaluation.json", paths).values())
        plot_curves(evaluations, "test", study.drawn("plot_curves", group))
    for cell, paths in study.params["cells"].items():
        evaluations = list(study.files("evaluation.json", paths).values())
        plot_cell(DATA, evaluations, "test", 0, study.drawn("plot_cell", cell))


def render_report() -> None:
    """Write the page."""
    from mlplab.figures.catalogue import catalogue
    from mlplab.steps.render_report import render_report as step
    from mlplab.study.tables import TABLES

    study = Study()
    made = study.tables("render_report")
    # Without the networks that run in the page: they take as long with any number of runs.
    unmade = ("render_report", "pack_networks")
    tables = [table.name for table in TABLES if table.rule not in unmade]
    step(
        STUDY / "config.yaml",
        STUDY / "manifest.json",
        STUDY / "study.json",
        STUDY / "tracked.json",
        study.files("run.json"),
        _tables(*tables),
        study.params["axes"],
        study.figures(),
        [asdict(figure) for figure in catalogue()],
        ACTIVATION_FILES,
        None,
        STUDY / "pictures.json",
        [],
        {**made, "page": STUDY / "report.html"},
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
    tabulate_diagnostics,
    collect_examples,
    plot_overview,
    plot_diagnostics,
    plot_cells,
    render_report,
)

if __name__ == "__main__":
    (chosen,) = (each for each in (*PREPARATIONS, *STAGES) if each.__name__ == sys.argv[1])
    chosen()
