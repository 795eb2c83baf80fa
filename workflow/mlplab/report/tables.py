"""Tables of the page: DataFrames as columns and cells that can be printed and sorted."""

from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

import pandas as pd

from mlplab.report.words import NOTHING, human, is_finite, number, rounded, setting

RUN_FILES = (
    "history.csv",
    "run.json",
    "evaluation.json",
    "predictions.parquet",
    "parameters.safetensors",
)


@dataclass(frozen=True)
class Link:
    """A link's text and where it leads."""

    text: str
    href: str


@dataclass(frozen=True)
class Cell:
    """One cell: what is printed, a note below it, what it is sorted by, if it stands out."""

    text: str = ""
    note: str = ""
    key: str | float | None = None
    links: tuple[Link, ...] = ()
    marked: bool = False


@dataclass(frozen=True)
class Column:
    """A column's heading, and whether it holds numbers, which stand at the right."""

    title: str
    numeric: bool = False
    sortable: bool = True


@dataclass(frozen=True)
class Table:
    """Columns and rows of one table."""

    columns: list[Column]
    rows: list[list[Cell]]


def text(value: Any) -> Cell:
    """A cell of text; a setting that is a number is sorted as one."""
    return Cell(setting(value), key=value if is_finite(value) else str(value))


def _point(row: Mapping[Hashable, Any], axes: Sequence[str]) -> list[Cell]:
    """The cells of the further axes; the tables hold layer sizes as text, 256 128."""
    values = {axis: row[axis] for axis in axes}
    if "hidden_sizes" in values:
        values["hidden_sizes"] = values["hidden_sizes"].split()
    return [text(value) for value in values.values()]


def figure(value: Any, printed: str | None = None, note: str = "") -> Cell:
    """A cell of a number; without a finite value it is a dash, and sorted last."""
    if not is_finite(value):
        return Cell(NOTHING)
    return Cell(number(value) if printed is None else printed, note, float(value))


def _identity(axes: Sequence[str], *names: str) -> list[Column]:
    """The columns that say which run or cell a row is of."""
    return [*(Column(name) for name in names), *(Column(human(axis)) for axis in axes)]


def _with_spread(row: Mapping[Hashable, Any], metric: str) -> Cell:
    """Mean ± standard deviation of a metric of the summary, with its 95 % interval as a note."""
    mean, deviation = row[f"{metric}_mean"], row[f"{metric}_std"]
    low, high = row[f"{metric}_low"], row[f"{metric}_high"]
    plus_minus = f" ± {number(deviation)}" if is_finite(deviation) else ""
    interval = f"{number(low)} – {number(high)}" if is_finite(low) else ""
    return figure(mean, f"{number(mean)}{plus_minus}", interval)


def summary(table: pd.DataFrame, axes: Sequence[str]) -> Table:
    """A row per cell of the grid."""
    numeric = (
        "runs",
        "test accuracy",
        "training loss",
        "training accuracy",
        "macro F1",
        "seconds per epoch",
        "B11 met",
    )
    # A column of zeros says nothing.
    some_diverged = bool(table["diverged"].any())
    columns = [
        *_identity(axes, "implementation", "activation"),
        *(Column(title, numeric=True) for title in numeric),
        *([Column("diverged", numeric=True)] if some_diverged else []),
    ]
    rows = [
        [
            *(text(row[name]) for name in ("implementation", "activation")),
            *_point(row, axes),
            figure(row["n"], str(row["n"])),
            _with_spread(row, "test_accuracy"),
            _with_spread(row, "training_loss"),
            figure(row["training_accuracy_mean"]),
            figure(row["macro_f1_mean"]),
            figure(row["seconds_per_epoch_median"], rounded(row["seconds_per_epoch_median"], 3)),
            figure(row["sanity_met"], f"{row['sanity_met']} of {row['n']}"),
            *([figure(row["diverged"], str(row["diverged"]))] if some_diverged else []),
        ]
        for row in table.to_dict("records")
    ]
    return Table(columns, rows)


def per_class(table: pd.DataFrame, axes: Sequence[str]) -> Table:
    """F1 of each class, mean over seeds, a row per cell; the lowest of a row stands out."""
    keys = ["implementation", "activation", *axes]
    classes = list(table["class"].unique())
    means = table.groupby([*keys, "class"], sort=False)["f1"].mean().unstack("class")[classes]
    columns = [
        *_identity(axes, "implementation", "activation"),
        *(Column(str(name), numeric=True) for name in classes),
    ]
    rows = []
    for identity, scores in zip(means.index, means.to_numpy().tolist(), strict=True):
        lowest = min((score for score in scores if is_finite(score)), default=None)
        rows.append(
            [
                *(text(value) for value in identity[:2]),
                *_point(dict(zip(keys, identity, strict=True)), axes),
                *(
                    Cell(number(score, 3), key=score, marked=score == lowest)
                    if is_finite(score)
                    else Cell(NOTHING)
                    for score in scores
                ),
            ]
        )
    return Table(columns, rows)


def _files(path: str) -> tuple[Link, ...]:
    """A run's files and its log, relative to the report's folder."""
    place = quote(path, safe="/=")
    files = [Link(name, f"runs/{place}/{name}") for name in RUN_FILES]
    return (*files, Link("log", f"logs/train/{place}.log"))


def all_runs(table: pd.DataFrame, axes: Sequence[str], links: Mapping[str, str]) -> Table:
    """A row per run, with its page in MLflow (`links`) and its files."""
    metrics = ("training_loss", "training_accuracy", "test_loss", "test_accuracy", "macro_f1")
    columns = [
        *_identity(axes, "implementation", "activation", "seed"),
        Column("status"),
        Column("B11"),
        *(Column(human(metric).replace("f1", "F1"), numeric=True) for metric in metrics),
        Column("epochs", numeric=True),
        Column("seconds per epoch", numeric=True),
        Column("MLflow", sortable=False),
        Column("files", sortable=False),
    ]
    rows = [
        [
            *(text(row[name]) for name in ("implementation", "activation", "seed")),
            *_point(row, axes),
            text(row["status"]),
            text(row["sanity"]),
            *(figure(row[metric]) for metric in metrics),
            figure(row["epochs_run"], str(row["epochs_run"])),
            figure(row["seconds_per_epoch"], rounded(row["seconds_per_epoch"], 3)),
            Cell(links=(Link(row["mlflow_run_id"][:8], links[row["run"]]),)),
            Cell(links=_files(row["run"])),
        ]
        for row in table.to_dict("records")
    ]
    return Table(columns, rows)
