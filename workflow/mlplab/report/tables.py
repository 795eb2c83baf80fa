"""Tables of the page: DataFrames as columns and cells that can be printed and sorted."""

from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

import pandas as pd

from mlplab.report.wording import NOTHING, human, is_finite, number, rounded, setting

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
    if "hidden_sizes" in values:
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


def _with_spread(row: Mapping[Hashable, Any], metric: str) -> Cell:
    """Mean ± standard deviation of a metric of the summary, with its 95 % interval as a note."""
    mean, deviation = row[f"{metric}_mean"], row[f"{metric}_std"]
    low, high = row[f"{metric}_low"], row[f"{metric}_high"]
    plus_minus = f" ± {number(deviation)}" if is_finite(deviation) else ""
    interval = f"{number(low)} – {number(high)}" if is_finite(low) else ""
    return figure(mean, f"{number(mean)}{plus_minus}", interval)


def summary(table: pd.DataFrame, axes: Sequence[str], split: str) -> Table:
    """A row per cell of the grid; where the page cannot hold all, those of the highest accuracy."""
    if len(table) > ROWS_AT_MOST:
        table = table.sort_values(f"{split}_accuracy_mean", ascending=False, kind="stable")
    # A column of zeros says nothing.
    troubles = [name for name in ("diverged", "failed") if table[name].any()]
    numeric = (
        "runs",
        f"{split} accuracy",
        "training loss",
        "training accuracy",
        "macro F1",
        "seconds per epoch",
        "B11 met",
        *troubles,
    )
    columns = [
        *_identity(axes, "implementation", "activation"),
        *(Column(title, numeric=True) for title in numeric),
    ]
    rows = [
        [
            *(text(row[name]) for name in ("implementation", "activation")),
            *point_cells(row, axes),
            figure(row["n"], str(row["n"])),
            _with_spread(row, f"{split}_accuracy"),
            _with_spread(row, "training_loss"),
            figure(row["training_accuracy_mean"]),
            figure(row["macro_f1_mean"]),
            figure(row["seconds_per_epoch_median"], rounded(row["seconds_per_epoch_median"], 3)),
            figure(row["sanity_met"], f"{row['sanity_met']} of {row['n']}"),
            *(figure(row[name], str(row[name])) for name in troubles),
        ]
        for row in table.to_dict("records")
    ]
    return limited(Table(columns, rows))


def per_class(table: pd.DataFrame, axes: Sequence[str]) -> Table:
    """F1 of each class, mean over seeds, a row per cell; the lowest of a row stands out.

    A cell with a failed run, which was scored on no image, has none.
    """
    keys = ["implementation", "activation", *axes]
    classes = list(table["class"].unique())
    by_class = table.groupby([*keys, "class"], sort=False)
    means = by_class["f1"].mean().where(by_class["images"].min() > 0).unstack("class")[classes]
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
                *point_cells(dict(zip(keys, identity, strict=True)), axes),
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


def _metrics(table: pd.DataFrame) -> list[str]:
    """The metrics of the last epoch that the runs have, and macro F1."""
    scores = [f"{split}_{kind}" for split in SPLITS for kind in ("loss", "accuracy")]
    return [name for name in (*scores, "macro_f1") if name in table]


def all_runs(table: pd.DataFrame, axes: Sequence[str], links: Mapping[str, str]) -> Table:
    """A row per run, with its page in MLflow (`links`) and its files; no row where too many."""
    metrics = _metrics(table)
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
    if len(table) > RUNS_AT_MOST:
        return Table(columns, [], len(table))
    rows = [
        [
            *(text(row[name]) for name in ("implementation", "activation", "seed")),
            *point_cells(row, axes),
            text(row["status"]),
            text(row["sanity"]),
            *(figure(row[metric]) for metric in metrics),
            figure(row["epochs_run"], str(row["epochs_run"])),
            figure(row["seconds_per_epoch"], rounded(row["seconds_per_epoch"], 3)),
            Cell(links=(Link(row["mlflow_run_id"][:8], links[row["run"]]),)),
            Cell(links=_files(row["run"], each=len(table) <= LINKED_AT_MOST)),
        ]
        for row in table.to_dict("records")
    ]
    return Table(columns, rows)
