"""Tables of the page: DataFrames as columns and cells that can be printed and sorted."""

from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

import pandas as pd

from mlplab.report.wording import NOTHING, human, is_finite, number, rounded, setting
from mlplab.study import metrics
from mlplab.study.metrics import Metric

# The page holds no more rows than this of a table, and none of a longer table of runs.
ROWS_AT_MOST, RUNS_AT_MOST = 500, 1000
# Of more runs than this, not every file has a link of its own.
LINKED_AT_MOST = 250
# It lets a table of more rows scroll in itself, and offers to filter one that is shorter already.
SCROLLED_FROM, FILTERED_FROM = 50, 20

SPLITS = ("training", "validation", "test")
RUN_FILES = (
    "history.csv",
    "diagnostics.csv",
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
    key: str | None = None
    links: tuple[Link, ...] = ()
    marked: bool = False


@dataclass(frozen=True)
class Column:
    """A column's heading; whether it holds numbers, which stand at the right, or sentences."""

    title: str
    numeric: bool = False
    sortable: bool = True
    wordy: bool = False


@dataclass(frozen=True)
class Table:
    """Columns and rows of one table; `left_out` counts the rows that the page does not hold."""

    columns: list[Column]
    rows: list[list[Cell]]
    left_out: int = 0

    @property
    def scrolled(self) -> bool:
        """Whether the table is so long that it scrolls within itself."""
        return len(self.rows) > SCROLLED_FROM

    @property
    def filtered(self) -> bool:
        """Whether a reader may want to see some rows only."""
        return len(self.rows) > FILTERED_FROM


def limited(table: Table) -> Table:
    """A table without the rows beyond those that the page may hold."""
    left_out = max(len(table.rows) - ROWS_AT_MOST, 0)
    return Table(table.columns, table.rows[:ROWS_AT_MOST], left_out)


def text(value: Any) -> Cell:
    """A cell of text; a setting that is a number is sorted as one."""
    return Cell(setting(value), key=str(value))


def point_cells(row: Mapping[Hashable, Any], axes: Sequence[str]) -> list[Cell]:
    """The cells of the further axes; the tables hold layer sizes as text, 256 128."""
    values = {axis: row[axis] for axis in axes}
    if values.get("hidden_sizes"):
        values["hidden_sizes"] = str(values["hidden_sizes"]).split()
    return [text(value) for value in values.values()]


def figure(value: Any, printed: str | None = None, note: str = "") -> Cell:
    """A cell of a number; without a finite value it is a dash, and sorted last."""
    if not is_finite(value):
        return Cell(NOTHING)
    # As many digits as order the rows; of thousands of cells, each digit counts.
    return Cell(number(value) if printed is None else printed, note, f"{value:.7g}")


def _identity(axes: Sequence[str], *names: str) -> list[Column]:
    """The columns that say which run or cell a row is of."""
    return [*(Column(name) for name in names), *(Column(human(axis)) for axis in axes)]


def printed(metric: Metric, value: Any) -> str:
    """A metric's value with its digits."""
    if metric.significant:
        return rounded(value, metric.digits)
    if not metric.digits and is_finite(value):
        return f"{value:,.0f}"
    return number(value, metric.digits)


def _over_seeds(metric: Metric, row: Mapping[Hashable, Any], split: str) -> Cell:
    """Mean ± standard deviation over seeds, with its 95 % interval as a note; or the median."""
    name = metric.named(split)
    if metric.over_seeds == "median":
        median = row[f"{name}_median"]
        return figure(median, printed(metric, median))
    mean, deviation, low, high = (row[f"{name}_{part}"] for part in ("mean", "std", "low", "high"))
    # Whole numbers that are the same for every seed have no spread to tell.
    alike = not metric.digits and deviation == 0
    if metric.shown == "mean" or alike or not is_finite(deviation):
        return figure(mean, printed(metric, mean))
    plus_minus = f"{printed(metric, mean)} ± {printed(metric, deviation)}"
    interval = f"{printed(metric, low)} – {printed(metric, high)}" if is_finite(low) else ""
    return figure(mean, plus_minus, interval)


def _of_highest_accuracy(table: pd.DataFrame, split: str) -> pd.DataFrame:
    """The summary, with the best first where the page cannot hold all of its rows."""
    if len(table) <= ROWS_AT_MOST:
        return table
    return table.sort_values(f"{split}_accuracy_mean", ascending=False, kind="stable")


def summary(table: pd.DataFrame, axes: Sequence[str], split: str) -> Table:
    """A row per cell of the grid; where the page cannot hold all, those of the highest accuracy."""
    shown = [metric for metric in metrics.METRICS if metric.shown in ("results", "mean")]
    # A column of zeros says nothing.
    troubles = [name for name in ("diverged", "failed") if table[name].any()]
    numeric = ("runs", *(metric.titled(split) for metric in shown), "bounds met", *troubles)
    columns = [
        *_identity(axes, "implementation", "activation"),
        *(Column(title, numeric=True) for title in numeric),
    ]
    rows = [
        [
            *(text(row[name]) for name in ("implementation", "activation")),
            *point_cells(row, axes),
            figure(row["n"], str(row["n"])),
            *(_over_seeds(metric, row, split) for metric in shown),
            figure(row["sanity_met"], f"{row['sanity_met']} of {row['n']}"),
            *(figure(row[name], str(row[name])) for name in troubles),
        ]
        for row in _of_highest_accuracy(table, split).to_dict("records")
    ]
    return limited(Table(columns, rows))


def details(table: pd.DataFrame, axes: Sequence[str], split: str) -> Table:
    """The metrics of the summary that its table on the page has no room for, a row per cell."""
    shown = [metric for metric in metrics.METRICS if metric.shown == "details"]
    columns = [
        *_identity(axes, "implementation", "activation"),
        *(Column(metric.titled(split), numeric=True) for metric in shown),
    ]
    rows = [
        [
            *(text(row[name]) for name in ("implementation", "activation")),
            *point_cells(row, axes),
            *(_over_seeds(metric, row, split) for metric in shown),
        ]
        for row in _of_highest_accuracy(table, split).to_dict("records")
    ]
    return limited(Table(columns, rows))


def per_class(table: pd.DataFrame, axes: Sequence[str]) -> Table:
    """F1 of each class from the table of classes, a row per cell; the lowest of a row stands out.

    A cell with a failed run, which was scored on no image, has none.
    """
    names = list(table["class"].unique())
    columns = [
        *_identity(axes, "implementation", "activation"),
        *(Column(str(name), numeric=True) for name in names),
    ]
    rows = []
    for _, cell in table.groupby(["implementation", "activation", *axes], sort=False):
        first = cell.iloc[0].to_dict()
        scores = cell["f1_mean"].tolist()
        lowest = min((score for score in scores if is_finite(score)), default=None)
        rows.append(
            [
                *(text(first[name]) for name in ("implementation", "activation")),
                *point_cells(first, axes),
                *(
                    Cell(number(score, 3), key=f"{score:.7g}", marked=score == lowest)
                    if is_finite(score)
                    else Cell(NOTHING)
                    for score in scores
                ),
            ]
        )
    return limited(Table(columns, rows))


def _files(path: str, each: bool) -> tuple[Link, ...]:
    """A run's files, or its folder, and its log, relative to the report's folder."""
    place = quote(path, safe="/=")
    files = [Link(name, f"runs/{place}/{name}") for name in RUN_FILES]
    return (
        *(files if each else [Link("folder", f"runs/{place}/")]),
        Link("log", f"logs/train/{place}.log"),
    )


def metrics_of(table: pd.DataFrame, scored_on: str) -> dict[str, Metric]:
    """Column → metric of all that the runs have; losses and accuracies of the last epoch first."""
    known = {metric.named(scored_on): metric for metric in metrics.METRICS}
    epochs = [f"{split}_{kind}" for split in SPLITS for kind in ("loss", "accuracy")]
    return {
        name: known.get(name) or Metric(name=name, title=human(name), meaning="")
        for name in dict.fromkeys([*epochs, *known])
        if name in table
    }


def all_runs(
    table: pd.DataFrame, axes: Sequence[str], split: str, links: Mapping[str, str]
) -> Table:
    """A row per run, with its page in MLflow (`links`) and its files; no row where too many."""
    columns_of = metrics_of(table, split)
    columns = [
        *_identity(axes, "implementation", "activation", "seed"),
        Column("status"),
        Column("bounds"),
        *(Column(metric.titled(split), numeric=True) for metric in columns_of.values()),
        Column("MLflow", sortable=False),
        Column("files", sortable=False),
    ]
    if len(table) > RUNS_AT_MOST:
        return Table(columns, [], len(table))
    rows = [
        [
            *(text(row[name]) for name in ("implementation", "activation", "seed")),
            *point_cells(row, axes),
            text(row["status"]),
            text(row["sanity"]),
            *(figure(row[name], printed(metric, row[name])) for name, metric in columns_of.items()),
            Cell(links=(Link(row["mlflow_run_id"][:8], links[row["run"]]),)),
            Cell(links=_files(row["run"], each=len(table) <= LINKED_AT_MOST)),
        ]
        for row in table.to_dict("records")
    ]
    return Table(columns, rows)
